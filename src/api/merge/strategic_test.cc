#include "api/merge/strategic.h"

#include <gtest/gtest.h>

#include "api/schema.h"

namespace sampan::api {
namespace {

json::Value J(std::string_view text) {
  return boost::json::parse(text);
}

struct Case {
  const char* name;
  const char* type;
  const char* document;
  const char* patch;
  const char* want;  // null: an error of `reason`
  Reason reason = Reason::kUnknown;
};

constexpr const char* kPodSpec = "io.k8s.api.core.v1.PodSpec";
constexpr const char* kContainer = "io.k8s.api.core.v1.Container";
constexpr const char* kMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
constexpr const char* kDeploymentSpec = "io.k8s.api.apps.v1.DeploymentSpec";
constexpr const char* kConfigMap = "io.k8s.api.core.v1.ConfigMap";

const Case kCases[] = {
    {"a new container stands in front", kPodSpec, R"({"containers":[{"name":"a"}]})", R"({"containers":[{"name":"b"}]})",
     R"({"containers":[{"name":"b"},{"name":"a"}]})"},
    {"an element merges by key", kPodSpec, R"({"containers":[{"name":"a","image":"x"},{"name":"b"}]})",
     R"({"containers":[{"name":"b","image":"y"}]})",
     R"({"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]})"},
    {"an element is deleted", kPodSpec, R"({"containers":[{"name":"a"},{"name":"b"}]})",
     R"({"containers":[{"name":"a","$patch":"delete"}]})", R"({"containers":[{"name":"b"}]})"},
    {"deleting nothing", kPodSpec, R"({"containers":[{"name":"a"}]})", R"({"containers":[{"name":"z","$patch":"delete"}]})",
     R"({"containers":[{"name":"a"}]})"},
    {"a list is replaced", kPodSpec, R"({"containers":[{"name":"a"},{"name":"b"}]})",
     R"({"containers":[{"$patch":"replace"},{"name":"c"}]})", R"({"containers":[{"name":"c"}]})"},
    {"an element without its key", kPodSpec, R"({"containers":[{"name":"a"}]})", R"({"containers":[{"image":"x"}]})",
     nullptr, Reason::kInvalid},
    {"an unknown directive", kPodSpec, R"({"containers":[]})", R"({"containers":[{"name":"a","$patch":"zap"}]})", nullptr,
     Reason::kBadRequest},
    {"an order for all", kPodSpec, R"({"containers":[{"name":"a"},{"name":"b"}]})",
     R"({"$setElementOrder/containers":[{"name":"b"},{"name":"c"},{"name":"a"}],"containers":[{"name":"c"}]})",
     R"({"containers":[{"name":"b"},{"name":"c"},{"name":"a"}]})"},
    {"an order keeps the server's own in place", kPodSpec,
     R"({"containers":[{"name":"a"},{"name":"sidecar"},{"name":"b"}]})",
     R"({"$setElementOrder/containers":[{"name":"a"},{"name":"b"}],"containers":[{"name":"b","image":"y"}]})",
     R"({"containers":[{"name":"a"},{"name":"sidecar"},{"name":"b","image":"y"}]})"},
    {"an order alone", kPodSpec, R"({"containers":[{"name":"a"},{"name":"b"}]})",
     R"({"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]})", R"({"containers":[{"name":"b"},{"name":"a"}]})"},
    {"an order for an absent list", kPodSpec, R"({})", R"({"$setElementOrder/containers":[{"name":"b"}]})", R"({})"},
    {"a malformed order", kPodSpec, R"({"containers":[]})", R"({"$setElementOrder/containers":{}})", nullptr,
     Reason::kBadRequest},
    {"environment merges by name", kContainer, R"({"name":"c","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]})",
     R"({"env":[{"name":"A","value":"9"}]})", R"({"name":"c","env":[{"name":"A","value":"9"},{"name":"B","value":"2"}]})"},
    {"an atomic list is replaced", kContainer, R"({"name":"c","args":["a","b"]})", R"({"args":["c"]})",
     R"({"name":"c","args":["c"]})"},
    {"directives inside new parts vanish", kPodSpec, R"({})",
     R"({"containers":[{"name":"a","env":[{"name":"X","$patch":"delete"},{"name":"Y","value":"1"}],"resources":null}]})",
     R"({"containers":[{"name":"a","env":[{"name":"Y","value":"1"}]}]})"},
    {"finalizers are a set", kMeta, R"({"finalizers":["a","b"]})", R"({"finalizers":["b","c"]})",
     R"({"finalizers":["a","b","c"]})"},
    {"primitives leave a set", kMeta, R"({"finalizers":["a","b","c"]})", R"({"$deleteFromPrimitiveList/finalizers":["b"]})",
     R"({"finalizers":["a","c"]})"},
    {"primitives leave and come", kMeta, R"({"finalizers":["a","b"]})",
     R"({"$setElementOrder/finalizers":["c","a"],"$deleteFromPrimitiveList/finalizers":["b"],"finalizers":["c"]})",
     R"({"finalizers":["c","a"]})"},
    {"null removes a label", kMeta, R"({"labels":{"a":"1","b":"2"}})", R"({"labels":{"a":null,"c":"3"}})",
     R"({"labels":{"b":"2","c":"3"}})"},
    {"retained keys clear the rest", kDeploymentSpec,
     R"({"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}})",
     R"({"strategy":{"$retainKeys":["type"],"type":"Recreate"}})", R"({"strategy":{"type":"Recreate"}})"},
    {"a patch key outside the retained ones", kDeploymentSpec, R"({"strategy":{"type":"RollingUpdate"}})",
     R"({"strategy":{"$retainKeys":["type"],"rollingUpdate":{}}})", nullptr, Reason::kBadRequest},
    {"volumes carry one source", kPodSpec, R"({"volumes":[{"name":"v","emptyDir":{}}]})",
     R"({"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x"}}]})",
     R"({"volumes":[{"name":"v","hostPath":{"path":"/x"}}]})"},
    {"an object is replaced", kMeta, R"({"labels":{"a":"1"}})", R"({"labels":{"$patch":"replace","b":"2"}})",
     R"({"labels":{"b":"2"}})"},
    {"an object is deleted", kMeta, R"({"labels":{"a":"1"}})", R"({"labels":{"$patch":"delete"}})", R"({"labels":{}})"},
    {"maps merge", kConfigMap, R"({"data":{"a":"1"}})", R"({"data":{"b":"2"}})", R"({"data":{"a":"1","b":"2"}})"},
    {"unknown fields merge as JSON", kConfigMap, R"({"x":{"y":[1]}})", R"({"x":{"y":[2],"z":1}})",
     R"({"x":{"y":[2],"z":1}})"},
    {"no object", kConfigMap, R"({})", R"([])", nullptr, Reason::kBadRequest},
};

TEST(StrategicMergePatch, Cases) {
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const Type* type = FindType(c.type);
    ASSERT_NE(type, nullptr);
    json::Value document = J(c.document);
    auto result = ApplyStrategicMergePatch(*type, document, J(c.patch));
    ASSERT_EQ(result.has_value(), c.want != nullptr) << (result ? json::Serialize(document) : result.error().message());
    if (c.want != nullptr) {
      EXPECT_EQ(json::Serialize(document), json::Serialize(J(c.want)));
    } else {
      EXPECT_EQ(result.error().reason(), c.reason) << result.error().message();
    }
  }
}

}  // namespace
}  // namespace sampan::api
