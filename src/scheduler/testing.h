// Pods and nodes for the scheduler's tests, from the fields that matter to a row.
#pragma once

#include <string>

#include "api/types/core.h"
#include "base/check.h"
#include "codec/json.h"
#include "scheduler/cluster.h"

namespace sampan::scheduler::testing {

// `spec` is JSON text of the pod's spec without containers; `requests` like R"({"cpu":"1"})".
inline PodPtr MakePod(const std::string& name, const std::string& requests = "{}", const std::string& spec = "{}") {
  json::Value pod = *json::Parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{},"spec":)" + spec + "}");
  pod.at("metadata").as_object() = {{"name", name}, {"namespace", "default"}, {"uid", "uid-" + name}};
  json::Object& fields = pod.at("spec").as_object();
  if (!fields.contains("containers")) {
    fields["containers"] = json::Array{
        json::Object{{"name", "c"}, {"image", "i"}, {"resources", json::Object{{"requests", *json::Parse(requests)}}}}};
  }
  if (!fields.contains("schedulerName")) fields["schedulerName"] = "default-scheduler";
  auto object = api::Object::FromValue(std::move(pod), 1);
  CHECK(object.has_value());
  return PodPtr(*object);
}

// `extra` is JSON text merged over a node with 4 CPUs, 8 GiB and 110 pods: R"({"spec":{"unschedulable":true}})".
inline NodePtr MakeNode(const std::string& name, const std::string& extra = "{}") {
  json::Value node = *json::Parse(R"({"apiVersion":"v1","kind":"Node","metadata":{},"spec":{},
      "status":{"allocatable":{"cpu":"4","memory":"8Gi","pods":"110"}}})");
  node.at("metadata").as_object() = {{"name", name}, {"uid", "uid-" + name}};
  json::Value patch = *json::Parse(extra);
  for (auto& [part, fields] : patch.as_object()) {
    for (auto& [key, value] : fields.as_object()) node.as_object()[part].as_object()[key] = value;
  }
  auto object = api::Object::FromValue(std::move(node), 1);
  CHECK(object.has_value());
  return NodePtr(*object);
}

}  // namespace sampan::scheduler::testing
