#include "api/table/table.h"

#include <gtest/gtest.h>

namespace sampan::api {
namespace {

json::Value J(std::string_view text) {
  return boost::json::parse(text);
}

const WallTime kNow = *ParseTime("2026-01-02T00:00:00Z");

std::string Cells(std::string_view api_version, std::string_view kind, std::string_view object) {
  const KindInfo* info = FindKind(api_version, kind);
  if (info == nullptr) return "no such kind";
  std::string text;
  for (const json::Value& cell : TableCells(*info, J(object), kNow)) {
    if (!text.empty()) text += '|';
    text += cell.is_string() ? std::string(cell.get_string()) : json::Serialize(cell);
  }
  return text;
}

struct PodCase {
  const char* name;
  const char* pod;
  const char* want;  // ready|status|restarts
};

TEST(Table, Pods) {
  static const PodCase kCases[] = {
      {"pending", R"({"spec":{"containers":[{}]},"status":{"phase":"Pending"}})", "0/1|Pending|0"},
      {"running", R"({"spec":{"containers":[{}]},"status":{"phase":"Running","containerStatuses":
          [{"ready":true,"restartCount":0,"state":{"running":{}}}]}})",
       "1/1|Running|0"},
      {"restarted", R"({"spec":{"containers":[{}]},"status":{"phase":"Running","containerStatuses":
          [{"ready":true,"restartCount":3,"state":{"running":{}},"lastState":{"terminated":{"finishedAt":"2026-01-01T23:55:00Z"}}}]}})",
       "1/1|Running|3 (5m ago)"},
      {"crash loop", R"({"spec":{"containers":[{}]},"status":{"phase":"Running","containerStatuses":
          [{"ready":false,"restartCount":2,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})",
       "0/1|CrashLoopBackOff|2"},
      {"exit code", R"({"spec":{"containers":[{}]},"status":{"phase":"Failed","containerStatuses":
          [{"ready":false,"state":{"terminated":{"exitCode":3}}}]}})",
       "0/1|ExitCode:3|0"},
      {"completed", R"({"spec":{"containers":[{}]},"status":{"phase":"Succeeded","containerStatuses":
          [{"ready":false,"state":{"terminated":{"reason":"Completed","exitCode":0}}}]}})",
       "0/1|Completed|0"},
      {"one done, one runs", R"({"spec":{"containers":[{},{}]},"status":{"phase":"Running","conditions":
          [{"type":"Ready","status":"False"}],"containerStatuses":[{"ready":false,"state":{"terminated":{"reason":"Completed"}}},
          {"ready":true,"state":{"running":{}}}]}})",
       "1/2|NotReady|0"},
      {"init", R"({"spec":{"containers":[{}],"initContainers":[{"name":"a"},{"name":"b"}]},"status":{"phase":"Pending",
          "initContainerStatuses":[{"name":"a","state":{"terminated":{"exitCode":0}}},{"name":"b","state":{"running":{}}}]}})",
       "0/1|Init:1/2|0"},
      {"init fails", R"({"spec":{"containers":[{}],"initContainers":[{"name":"a"}]},"status":{"phase":"Pending",
          "initContainerStatuses":[{"name":"a","restartCount":1,"state":{"terminated":{"exitCode":2,"reason":"Error"}}}]}})",
       "0/1|Init:Error|1"},
      {"init waits", R"({"spec":{"containers":[{}],"initContainers":[{"name":"a"}]},"status":{"phase":"Pending",
          "initContainerStatuses":[{"name":"a","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})",
       "0/1|Init:CrashLoopBackOff|0"},
      {"sidecar", R"({"spec":{"containers":[{}],"initContainers":[{"name":"a","restartPolicy":"Always"}]},
          "status":{"phase":"Running","initContainerStatuses":[{"name":"a","ready":true,"started":true,"state":{"running":{}}}],
          "containerStatuses":[{"ready":true,"state":{"running":{}}}]}})",
       "2/2|Running|0"},
      {"terminating", R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"containers":[{}]},
          "status":{"phase":"Running","containerStatuses":[{"ready":true,"state":{"running":{}}}]}})",
       "1/1|Terminating|0"},
      {"evicted", R"({"spec":{"containers":[{}]},"status":{"phase":"Failed","reason":"Evicted"}})", "0/1|Evicted|0"},
  };
  for (const PodCase& c : kCases) {
    SCOPED_TRACE(c.name);
    std::string cells = Cells("v1", "Pod", c.pod);
    EXPECT_EQ(cells, fmt::format("|{}|<unknown>|<none>|<none>|<none>|<none>", c.want).substr(cells[0] == '|' ? 0 : 1));
  }
}

TEST(Table, Kinds) {
  constexpr std::string_view kMeta = R"("metadata":{"name":"x","creationTimestamp":"2026-01-01T23:59:00Z"})";
  auto cells = [&](std::string_view api_version, std::string_view kind, std::string_view rest) {
    return Cells(api_version, kind, fmt::format("{{{}{}{}}}", kMeta, rest.empty() ? "" : ",", rest));
  };
  EXPECT_EQ(cells("apps/v1", "Deployment", R"("spec":{"replicas":3,"selector":{"matchLabels":{"a":"b"}},"template":{"spec":
      {"containers":[{"name":"c","image":"i"},{"name":"d","image":"j"}]}}},"status":{"readyReplicas":1,"updatedReplicas":2})"),
            "x|1/3|2|0|60s|c,d|i,j|a=b");
  EXPECT_EQ(cells("apps/v1", "ReplicaSet", R"("spec":{"replicas":3},"status":{"replicas":2,"readyReplicas":1})"),
            "x|3|2|1|60s|||<none>");
  EXPECT_EQ(cells("v1", "Service", R"("spec":{"type":"NodePort","clusterIP":"10.0.0.1","selector":{"b":"2","a":"1"},
      "ports":[{"port":80,"nodePort":30080,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]})"),
            "x|NodePort|10.0.0.1|<none>|80:30080/TCP,53/UDP|60s|a=1,b=2");
  EXPECT_EQ(cells("v1", "Service", R"("spec":{"type":"LoadBalancer"})"),
            "x|LoadBalancer|<none>|<pending>|<none>|60s|<none>");
  EXPECT_EQ(cells("v1", "Endpoints", R"("subsets":[{"addresses":[{"ip":"1.1.1.1"},{"ip":"1.1.1.2"}],
      "ports":[{"port":80},{"port":81}]}])"),
            "x|1.1.1.1:80,1.1.1.1:81,1.1.1.2:80 + 1 more...|60s");
  EXPECT_EQ(cells("discovery.k8s.io/v1", "EndpointSlice", R"("addressType":"IPv4")"), "x|IPv4|<unset>|<unset>|60s");
  EXPECT_EQ(cells("v1", "ConfigMap", R"("data":{"a":"b"},"binaryData":{"c":""})"), "x|2|60s");
  EXPECT_EQ(cells("v1", "Secret", R"("type":"Opaque","data":{"a":""})"), "x|Opaque|1|60s");
  EXPECT_EQ(cells("v1", "ServiceAccount", ""), "x|0|60s");
  EXPECT_EQ(cells("v1", "Namespace", R"("status":{"phase":"Active"})"), "x|Active|60s");
  EXPECT_EQ(cells("coordination.k8s.io/v1", "Lease", R"("spec":{"holderIdentity":"h"})"), "x|h|60s");
  EXPECT_EQ(cells("rbac.authorization.k8s.io/v1", "ClusterRole", ""), "x|2026-01-01T23:59:00Z");
  EXPECT_EQ(cells("rbac.authorization.k8s.io/v1", "RoleBinding", R"("roleRef":{"kind":"Role","name":"r"},"subjects":
      [{"kind":"User","name":"u"},{"kind":"ServiceAccount","name":"s","namespace":"n"}])"),
            "x|Role/r|60s|u||n/s");
  EXPECT_EQ(Cells("v1", "Node", R"({"metadata":{"name":"n","labels":{"node-role.kubernetes.io/control-plane":""}},
      "spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],
      "addresses":[{"type":"InternalIP","address":"10.1.1.1"}],"nodeInfo":{"kubeletVersion":"v1.36.0","osImage":"Debian"}}})"),
            "n|Ready,SchedulingDisabled|control-plane|<unknown>|v1.36.0|10.1.1.1|<none>|Debian|<unknown>|<unknown>");
  EXPECT_EQ(Cells("v1", "Event", R"({"metadata":{"name":"e"},"type":"Normal","reason":"Pulled","message":"done\n",
      "involvedObject":{"kind":"Pod","name":"p","fieldPath":"spec.containers{c}"},"source":{"component":"kubelet","host":"h"},
      "firstTimestamp":"2026-01-01T23:00:00Z","lastTimestamp":"2026-01-01T23:59:30Z","count":4})"),
            "30s|Normal|Pulled|pod/p|spec.containers{c}|kubelet, h|done|60m|4|e");
}

TEST(Table, HumanDuration) {
  using namespace std::chrono_literals;
  static const std::pair<Duration, const char*> kCases[] = {
      {-5s, "<invalid>"}, {0s, "0s"},           {119s, "119s"},        {120s, "2m"},      {200s, "3m20s"},
      {10min, "10m"},     {179min, "179m"},     {180min, "3h"},        {200min, "3h20m"}, {8h, "8h"},
      {47h, "47h"},       {48h, "2d"},          {49h, "2d1h"},         {24h * 8, "8d"},   {24h * 729, "729d"},
      {24h * 730, "2y"},  {24h * 764, "2y34d"}, {24h * 365 * 9, "9y"},
  };
  for (const auto& [duration, want] : kCases) EXPECT_EQ(HumanDuration(duration), want);
}

TEST(Table, Document) {
  auto object = Object::FromBytes(
      R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"n","resourceVersion":"7"},"data":{"k":"v"}})");
  ASSERT_TRUE(object);
  std::vector<ObjectPtr> objects = {*object};
  const KindInfo* kind = FindKind("v1", "ConfigMap");
  std::string out;
  AppendTable(*kind, objects, {.resource_version = "9", .continue_token = "c", .remaining = 2}, {.now = kNow}, out);
  json::Value table = J(out);
  EXPECT_EQ(json::Serialize(table.at("metadata")), R"({"resourceVersion":"9","continue":"c","remainingItemCount":2})");
  EXPECT_EQ(table.at("columnDefinitions").get_array().size(), 3u);
  EXPECT_EQ(json::Serialize(table.at("rows").at(0).at("cells")), R"(["a",1,"<unknown>"])");
  EXPECT_EQ(table.at("rows").at(0).at("object").at("kind").as_string(), "PartialObjectMetadata");
  out.clear();
  AppendTable(*kind, objects, {}, {.now = kNow, .include = IncludeObject::kObject, .with_columns = false}, out);
  EXPECT_EQ(J(out).at("rows").at(0).at("object").at("data").at("k").as_string(), "v");
  out.clear();
  AppendPartialListOpening({.resource_version = "9"}, "meta.k8s.io/v1", out);
  AppendPartialMetadata(*objects[0], "meta.k8s.io/v1", out);
  out += kTableEnd;
  EXPECT_EQ(J(out).at("items").at(0).at("metadata").at("name").as_string(), "a");
}

}  // namespace
}  // namespace sampan::api
