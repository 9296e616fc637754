#include "api/decode.h"

#include <gtest/gtest.h>

namespace sampan::api {
namespace {

std::string Decoded(std::string_view api_version, std::string_view kind, std::string_view text,
                    Strictness strictness = Strictness::kStrict, std::vector<std::string>* warnings = nullptr) {
  DecodeOptions options;
  options.strictness = strictness;
  options.warnings = warnings;
  auto value = DecodeBody(*FindKind(api_version, kind), text, options);
  return value ? json::Serialize(*value) : value.error().message();
}

TEST(Decode, BringsIntoCanonicalForm) {
  EXPECT_EQ(
      Decoded(
          "v1", "Pod",
          R"({"status":{},"spec":{"hostNetwork":false,"nodeSelector":{},"terminationGracePeriodSeconds":0.0,"volumes":[],)"
          R"("containers":[{"image":"x","name":"c","command":[],"resources":{"limits":{"cpu":0.5,"memory":"1024Mi"}}}]},)"
          R"("metadata":{"creationTimestamp":null,"name":"p","labels":{"b":"1","a":null}},"apiVersion":"v1","kind":"Pod"})"),
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","labels":{"b":"1","a":""}},"spec":{"containers":)"
      R"([{"name":"c","image":"x","resources":{"limits":{"cpu":"500m","memory":"1Gi"}}}],"terminationGracePeriodSeconds":0},)"
      R"("status":{}})");
  EXPECT_EQ(Decoded("v1", "ConfigMap", R"({"data":{"z":"1","a":"2"}})"),
            R"({"kind":"ConfigMap","apiVersion":"v1","data":{"z":"1","a":"2"}})");
  EXPECT_EQ(Decoded("coordination.k8s.io/v1", "Lease", R"({"spec":{"renewTime":"2026-01-01T01:00:00.1+01:00"}})"),
            R"({"kind":"Lease","apiVersion":"coordination.k8s.io/v1","spec":{"renewTime":"2026-01-01T00:00:00.100000Z"}})");
}

TEST(Decode, CanonicalFormIsAFixedPoint) {
  std::string once = Decoded(
      "apps/v1", "Deployment",
      R"({"spec":{"template":{"spec":{"containers":[{"ports":[{"protocol":"TCP","containerPort":80}],"name":"c"}]}},)"
      R"("selector":{"matchLabels":{"a":"b"}}}})");
  EXPECT_EQ(Decoded("apps/v1", "Deployment", once), once);
}

TEST(DecodeObject, TakesUnsignedNumbersOfComponents) {
  json::Object port{{"port", uint64_t{443}}, {"targetPort", uint64_t{6443}}};
  json::Value service = json::Object{{"spec", json::Object{{"ports", json::Array{port}}}}};
  auto decoded = DecodeObject(*FindKind("v1", "Service"), service, {});
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(decoded->at("spec").at("ports").at(0).at("targetPort"), json::Value(6443));
  service.at("spec").at("ports").at(0).at("port") = uint64_t{1} << 40;
  EXPECT_FALSE(DecodeObject(*FindKind("v1", "Service"), service, {}));
}

TEST(Decode, RefusesWrongTypesInTheWordsOfKubernetes) {
  struct Case {
    std::string_view text, message;
  };
  const std::string head = "Deployment in version \"v1\" cannot be handled as a Deployment: ";
  for (const Case& c :
       {Case{R"({"spec":{"replicas":"3"}})",
             "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"},
        {R"({"spec":{"replicas":3000000000}})",
         "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32"},
        {R"({"spec":{"replicas":1.5}})",
         "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"},
        {R"({"spec":[]})", "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec"},
        {R"({"metadata":{"labels":{"a":1}}})",
         "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"},
        {R"({"spec":{"template":{"spec":{"containers":{}}}}})",
         "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container"},
        {R"({"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"1 core"}}}]}}}})",
         "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"}}) {
    EXPECT_EQ(Decoded("apps/v1", "Deployment", c.text), head + std::string(c.message));
  }
  EXPECT_EQ(Decoded("v1", "Pod", "[]"),
            "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal array into Go value of type v1.Pod");
  EXPECT_EQ(Decoded("v1", "Secret", R"({"data":{"a":"Zm9v!"}})"),
            "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 4");
}

TEST(Decode, UnknownAndDuplicatedFields) {
  constexpr std::string_view kBody =
      R"({"spec":{"foo":1,"containers":[{"name":"c","bar":{}}],"nodeName":"a","nodeName":"b"},"metadata":{}})";
  EXPECT_EQ(
      Decoded("v1", "Pod", kBody),
      "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \"spec.foo\", unknown field "
      "\"spec.containers[0].bar\", duplicate field \"spec.nodeName\"");
  std::vector<std::string> warnings;
  EXPECT_EQ(Decoded("v1", "Pod", kBody, Strictness::kWarn, &warnings),
            R"({"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"containers":[{"name":"c"}],"nodeName":"b"}})");
  EXPECT_EQ(warnings, (std::vector<std::string>{"unknown field \"spec.foo\"", "unknown field \"spec.containers[0].bar\"",
                                                "duplicate field \"spec.nodeName\""}));
  warnings.clear();
  Decoded("v1", "Pod", kBody, Strictness::kIgnore, &warnings);
  EXPECT_TRUE(warnings.empty());
}

TEST(Decode, RefusesAnotherKind) {
  EXPECT_EQ(Decoded("v1", "Pod", R"({"apiVersion":"apps/v1","kind":"Pod"})"),
            "the API version in the data (apps/v1) does not match the expected API version (v1)");
  EXPECT_NE(Decoded("v1", "Pod", R"({"apiVersion":"v1","kind":"Service"})").find("cannot be handled as a Pod"),
            std::string::npos);
}

TEST(Decode, RefusesMalformedAndHuge) {
  EXPECT_EQ(Decoded("v1", "Pod", "{\"a\""),
            "the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: "
            "unexpected end "
            "of JSON input ({\"a\")");
  EXPECT_EQ(Excerpt(""), "<empty>");
  EXPECT_EQ(Excerpt("[]"), "5b5d");
  EXPECT_EQ(Excerpt("{" + std::string(2000, ' ')), "{" + std::string(1023, ' ') + " ...");
  DecodeOptions options;
  options.max_bytes = 10;
  auto value = DecodeBody(*FindKind("v1", "Pod"), R"({"metadata":{}})", options);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().reason(), Reason::kRequestEntityTooLarge);
}

TEST(Decode, KeepsFreeFormAndPreservedFields) {
  OwnedTypes types;
  Type* open = types.NewType(TypeKind::kObject, "example.v1.Open");
  Field field;
  field.name = "known";
  field.type = &ScalarType(TypeKind::kInt32);
  types.SetFields(open, {field});
  open->preserve_unknown = true;
  auto value = Canonicalize(*open, *json::Parse(R"({"x":{"y":[null]},"known":0})"), nullptr);
  ASSERT_TRUE(value);
  EXPECT_EQ(json::Serialize(*value), R"({"known":0,"x":{"y":[null]}})");
}

}  // namespace
}  // namespace sampan::api
