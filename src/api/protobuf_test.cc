// One object of every kind with every field set, as JSON and as protobuf: both directions must agree to the byte.
#include "api/protobuf.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "api/decode.h"

namespace sampan::api {
namespace {

const std::filesystem::path kData = SAMPAN_TEST_DATA "/roundtrip";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// "rbac.authorization.k8s.io.v1.Role" -> "io.k8s.api.rbac.v1.Role"
const Type* TypeOfFile(const std::string& stem) {
  size_t kind = stem.rfind('.');
  size_t version = stem.rfind('.', kind - 1);
  std::string group = stem.substr(0, stem.find('.'));
  if (group == "internal") group = "apiserverinternal";
  return FindType("io.k8s.api." + group + stem.substr(version));
}

class RoundTrip : public testing::TestWithParam<std::string> {};

TEST_P(RoundTrip, BothWays) {
  const Type* type = TypeOfFile(GetParam());
  ASSERT_NE(type, nullptr);
  std::string wire = ReadFile(kData / (GetParam() + ".pb"));
  std::vector<std::string> unknown;
  auto parsed = json::Parse(ReadFile(kData / (GetParam() + ".json")));
  ASSERT_TRUE(parsed) << parsed.error().message();
  auto expected = Canonicalize(*type, *parsed, &unknown);
  ASSERT_TRUE(expected) << expected.error().message();
  EXPECT_TRUE(unknown.empty()) << unknown[0];

  auto body = OpenProtobuf(wire);
  ASSERT_TRUE(body) << body.error().message();
  auto decoded = FromProtobuf(*type, *body);
  ASSERT_TRUE(decoded) << decoded.error().message();
  auto canonical = Canonicalize(*type, *decoded, &unknown);
  ASSERT_TRUE(canonical) << canonical.error().message();
  EXPECT_EQ(json::Serialize(*canonical), json::Serialize(*expected));
  EXPECT_EQ(ToProtobuf(*type, *decoded), wire);
}

std::vector<std::string> Stems() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(kData)) {
    if (entry.path().extension() == ".pb") out.push_back(entry.path().stem());
  }
  std::sort(out.begin(), out.end());
  return out;
}

INSTANTIATE_TEST_SUITE_P(EveryKind, RoundTrip, testing::ValuesIn(Stems()), [](const auto& info) {
  std::string name = info.param;
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(Protobuf, RefusesMalformed) {
  const Type& pod = *FindType("io.k8s.api.core.v1.Pod");
  EXPECT_FALSE(OpenProtobuf("k8s"));
  EXPECT_FALSE(OpenProtobuf("{\"kind\":\"Pod\"}"));
  EXPECT_FALSE(OpenProtobuf(std::string("k8s\0\x0a\x7f", 6)));
  EXPECT_FALSE(MessageToJson(pod, "\x0a\x05"));                  // shorter than it says
  EXPECT_FALSE(MessageToJson(pod, "\x08\x01"));                  // metadata as a number
  EXPECT_FALSE(MessageToJson(pod, "\x0a\x04\x0a\x02\xff\xfe"));  // a name that is not UTF-8
  EXPECT_FALSE(MessageToJson(pod, "\x0b"));                      // a group
  EXPECT_TRUE(MessageToJson(pod, "\xfa\x3f\x01x"));              // an unknown field is skipped
}

TEST(Protobuf, ZerosOfGoClientsMeanAbsent) {
  const Type& probe = *FindType("io.k8s.api.core.v1.Probe");
  auto value = MessageToJson(probe, std::string_view("\x10\x00\x18\x00\x20\x05", 6));
  ASSERT_TRUE(value);
  EXPECT_EQ(json::Serialize(*Canonicalize(probe, *value, nullptr)), R"({"periodSeconds":5})");
}

}  // namespace
}  // namespace sampan::api
