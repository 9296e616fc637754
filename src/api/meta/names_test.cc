#include "api/meta/names.h"

#include <gtest/gtest.h>

namespace sampan::api {
namespace {

TEST(Names, Table) {
  using Check = Faults (*)(std::string_view);
  struct Case {
    Check check;
    std::string text;
    bool valid;
  };
  for (const Case& c : {Case{&CheckDns1123Label, "a", true},
                        {&CheckDns1123Label, "a-1", true},
                        {&CheckDns1123Label, "-a", false},
                        {&CheckDns1123Label, "A", false},
                        {&CheckDns1123Label, "a.b", false},
                        {&CheckDns1123Label, "", false},
                        {&CheckDns1123Label, std::string(63, 'a'), true},
                        {&CheckDns1123Label, std::string(64, 'a'), false},
                        {&CheckDns1123Subdomain, "a.b-c.d", true},
                        {&CheckDns1123Subdomain, "a..b", false},
                        {&CheckDns1123Subdomain, "a.", false},
                        {&CheckDns1123Subdomain, "a_b", false},
                        {&CheckDns1035Label, "a1", true},
                        {&CheckDns1035Label, "1a", false},
                        {&CheckQualifiedName, "app", true},
                        {&CheckQualifiedName, "example.com/App_1", true},
                        {&CheckQualifiedName, "/a", false},
                        {&CheckQualifiedName, "a/", false},
                        {&CheckQualifiedName, "a/b/c", false},
                        {&CheckQualifiedName, "Example.com/a", false},
                        {&CheckLabelValue, "", true},
                        {&CheckLabelValue, "A.b_c-1", true},
                        {&CheckLabelValue, "a b", false},
                        {&CheckEnvVarName, "MY.VAR-1", true},
                        {&CheckEnvVarName, "A=B", false},
                        {&CheckEnvVarName, "", false},
                        {&CheckConfigMapKey, "a.b", true},
                        {&CheckConfigMapKey, "..", false},
                        {&CheckConfigMapKey, "..a", false},
                        {&CheckConfigMapKey, "a/b", false},
                        {&CheckPortName, "http", true},
                        {&CheckPortName, "80", false},
                        {&CheckPortName, "a--b", false},
                        {&CheckPortName, "a23456789012345b", false},
                        {&CheckPathSegmentName, "system:node", true},
                        {&CheckPathSegmentName, "a/b", false},
                        {&CheckPathSegmentName, "..", false},
                        {&CheckPercent, "25%", true},
                        {&CheckPercent, "%", false},
                        {&CheckIp, "10.0.0.1", true},
                        {&CheckIp, "::1", true},
                        {&CheckIp, "10.0.0", false}}) {
    EXPECT_EQ(c.check(c.text).empty(), c.valid) << c.text;
  }
}

TEST(Names, WordsThatUsersKnow) {
  EXPECT_EQ(
      CheckDns1123Label("A")[0],
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
      "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
      "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
}

TEST(Names, GeneratedNamesFit) {
  std::string name = GenerateName(std::string(80, 'a'), 12345);
  EXPECT_EQ(name.size(), 63U);
  EXPECT_TRUE(CheckDns1123Label(name).empty());
  EXPECT_NE(GenerateName("a-", 1), GenerateName("a-", 2));
}

}  // namespace
}  // namespace sampan::api
