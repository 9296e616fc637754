#include "api/openapi/openapi.h"

#include <gtest/gtest.h>

#include "api/openapi/protobuf.h"
#include "codec/json.h"
#include "codec/protobuf.h"

namespace sampan::api {
namespace {

std::vector<const KindInfo*> Kinds() {
  return {BuiltinKinds().begin(), BuiltinKinds().end()};
}

json::Value Parsed(const OpenApi::DocumentPtr& document) {
  return boost::json::parse(Inflate(*document));
}

// Every $ref must lead somewhere.
void CollectRefs(const json::Value& value, std::set<std::string>& refs) {
  if (const json::Object* object = value.if_object()) {
    for (const auto& member : *object) {
      if (member.key() == "$ref" && member.value().is_string()) refs.insert(std::string(member.value().get_string()));
      CollectRefs(member.value(), refs);
    }
  } else if (const json::Array* array = value.if_array()) {
    for (const json::Value& element : *array) CollectRefs(element, refs);
  }
}

void ExpectRefsResolve(const json::Value& document, std::string_view prefix, const json::Object& definitions) {
  std::set<std::string> refs;
  CollectRefs(document, refs);
  EXPECT_FALSE(refs.empty());
  for (const std::string& ref : refs) {
    ASSERT_TRUE(ref.starts_with(prefix)) << ref;
    EXPECT_TRUE(definitions.contains(ref.substr(prefix.size()))) << ref;
  }
}

TEST(OpenApi, V2) {
  OpenApi openapi(Kinds, "v1.36.0");
  json::Value document = Parsed(openapi.V2(OpenApi::Format::kJson));
  EXPECT_EQ(document.at("swagger").as_string(), "2.0");
  EXPECT_EQ(document.at("info").at("version").as_string(), "v1.36.0");
  const json::Object& definitions = document.at("definitions").get_object();
  ExpectRefsResolve(document, "#/definitions/", definitions);
  EXPECT_EQ(json::Serialize(definitions.at("io.k8s.api.apps.v1.Deployment").at("x-kubernetes-group-version-kind")),
            R"([{"group":"apps","kind":"Deployment","version":"v1"}])");
  const json::Value& containers = definitions.at("io.k8s.api.core.v1.PodSpec").at("properties").at("containers");
  EXPECT_EQ(containers.at("x-kubernetes-patch-merge-key").as_string(), "name");
  EXPECT_EQ(containers.at("x-kubernetes-patch-strategy").as_string(), "merge");
  EXPECT_EQ(containers.at("items").at("$ref").as_string(), "#/definitions/io.k8s.api.core.v1.Container");
  EXPECT_EQ(definitions.at("io.k8s.apimachinery.pkg.util.intstr.IntOrString").at("format").as_string(), "int-or-string");
  const json::Value& pod = document.at("paths").at("/api/v1/namespaces/{namespace}/pods/{name}");
  EXPECT_EQ(pod.at("get").at("operationId").as_string(), "readCoreV1NamespacedPod");
  EXPECT_EQ(json::Serialize(pod.at("patch").at("x-kubernetes-group-version-kind")),
            R"({"group":"","kind":"Pod","version":"v1"})");
}

TEST(OpenApi, V3) {
  OpenApi openapi(Kinds, "v1.36.0");
  json::Value index = boost::json::parse(openapi.V3Index());
  ASSERT_TRUE(index.at("paths").get_object().contains("api/v1"));
  ASSERT_TRUE(index.at("paths").get_object().contains("apis/apps/v1"));
  for (const auto& path : index.at("paths").get_object()) {
    auto packed = openapi.V3(path.key());
    ASSERT_NE(packed, nullptr);
    EXPECT_EQ(path.value().at("serverRelativeURL").as_string(),
              fmt::format("/openapi/v3/{}?hash={}", std::string_view(path.key()), packed->hash));
    json::Value document = Parsed(packed);
    ExpectRefsResolve(document, "#/components/schemas/", document.at("components").at("schemas").get_object());
  }
  json::Value apps = Parsed(openapi.V3("apis/apps/v1"));
  const json::Value& patch = apps.at("paths").at("/apis/apps/v1/namespaces/{namespace}/deployments/{name}").at("patch");
  bool validates = false;
  for (const json::Value& parameter : patch.at("parameters").get_array()) {
    validates |= parameter.at("name").as_string() == "fieldValidation";
  }
  EXPECT_TRUE(validates);
  EXPECT_EQ(openapi.V3("apis/nope/v1"), nullptr);
}

TEST(OpenApi, DocumentsAreKeptUntilInvalidated) {
  OpenApi openapi(Kinds, "v1");
  auto first = openapi.V2(OpenApi::Format::kJson);
  EXPECT_EQ(openapi.V2(OpenApi::Format::kJson), first);
  openapi.Invalidate();
  auto second = openapi.V2(OpenApi::Format::kJson);
  EXPECT_NE(second, first);
  EXPECT_EQ(second->etag, first->etag);
}

TEST(OpenApi, Protobuf) {
  OpenApi openapi(Kinds, "v1.36.0");
  std::string bytes = Inflate(*openapi.V2(OpenApi::Format::kProtobuf));
  protobuf::Reader reader(bytes);
  std::vector<uint32_t> numbers;
  size_t definitions = 0;
  while (auto tag = reader.Next()) {
    numbers.push_back(tag->number);
    if (tag->number == 1) EXPECT_EQ(tag->bytes, "2.0");
    if (tag->number != 9) continue;
    protobuf::Reader below(tag->bytes);
    while (below.Next()) ++definitions;
  }
  EXPECT_EQ(numbers, (std::vector<uint32_t>{1, 2, 8, 9}));
  EXPECT_GT(definitions, 100u);
}

}  // namespace
}  // namespace sampan::api
