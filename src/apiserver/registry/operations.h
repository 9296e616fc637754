// The verbs of the API that are more than one registry call: PUT, the patches, and the subresources that speak another
// kind than their object's.
#pragma once

#include "api/decode.h"
#include "apiserver/registry/registry.h"

namespace sampan::apiserver {

// `body` is decoded and not yet defaulted. Sets `created` when the kind is created by PUT.
Task<Result<ObjectPtr>> CreateObject(Registry* registry, Call* call, json::Value body);
// The same by a request to change what turned out to be absent: Forbidden without the right to create.
Task<Result<ObjectPtr>> CreateByChange(Registry* registry, Call* call, json::Value body);
Task<Result<ObjectPtr>> PutObject(Registry* registry, Call* call, json::Value body, bool* created);

struct PatchRequest {
  client::PatchType type = client::PatchType::kStrategic;
  json::Value patch;
  api::Strictness strictness = api::Strictness::kWarn;
  bool force = false;
  std::vector<std::string> duplicates;  // fields that the text of the patch has twice
};
// Sets `created` when server-side apply made the object.
Task<Result<ObjectPtr>> PatchObject(Registry* registry, Call* call, PatchRequest request, bool* created);

// autoscaling/v1 Scale of a Deployment or ReplicaSet.
json::Value ScaleOf(const api::Object& object);
Task<Result<ObjectPtr>> PutScale(Registry* registry, Call* call, json::Value scale);
Task<Result<ObjectPtr>> PatchScale(Registry* registry, Call* call, PatchRequest request);

// Assigns a pod to a node: `binding` is a core/v1 Binding. Conflict when it is assigned or going away.
Task<Result<ObjectPtr>> BindPod(Registry* registry, Call* call, json::Value binding);

}  // namespace sampan::apiserver
