#include <gtest/gtest.h>

#include "api/defaults/defaults.h"
#include "api/validation/validation.h"
#include "base/log.h"

namespace sampan::api {
namespace {

json::Value PodOf(std::string_view spec) {
  json::Value pod = *json::Parse(fmt::format(R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p","namespace":"n",
      "uid":"u","creationTimestamp":"2026-01-01T00:00:00Z"}},"spec":{}}})",
                                             spec));
  ApplyDefaults(*FindKind("v1", "Pod"), pod);
  return pod;
}

std::string FaultsOf(std::string_view subresource, std::string_view before, std::string_view after) {
  Causes causes;
  ValidateUpdate(*FindKind("v1", "Pod"), PodOf(after), PodOf(before), causes, subresource);
  return causes.empty() ? std::string() : std::move(causes).ToError("", "Pod", "p").message();
}

constexpr std::string_view kPlain = R"({"containers":[{"name":"c","image":"i:1"}]})";

TEST(PodSubresources, EphemeralContainersAreOnlyAdded) {
  struct Case {
    std::string_view name, before, after, want;
  };
  constexpr std::string_view kWithOne =
      R"({"containers":[{"name":"c","image":"i:1"}],"ephemeralContainers":[{"name":"e","image":"i:1"}]})";
  const Case cases[] = {
      {"added", kPlain, kWithOne, ""},
      {"unchanged", kWithOne, kWithOne, ""},
      {"removed", kWithOne, kPlain, "existing ephemeral containers \"e\" may not be removed"},
      {"changed", kWithOne,
       R"({"containers":[{"name":"c","image":"i:1"}],"ephemeralContainers":[{"name":"e","image":"i:2"}]})",
       "existing ephemeral containers \"e\" may not be changed"},
      {"name taken", kPlain,
       R"({"containers":[{"name":"c","image":"i:1"}],"ephemeralContainers":[{"name":"c","image":"i:1"}]})",
       "spec.ephemeralContainers[0].name: Duplicate value: \"c\""},
      {"unknown target", kPlain,
       R"({"containers":[{"name":"c","image":"i:1"}],
           "ephemeralContainers":[{"name":"e","image":"i:1","targetContainerName":"x"}]})",
       "spec.ephemeralContainers[0].targetContainerName: Not found: \"x\""},
      {"probe", kPlain,
       R"({"containers":[{"name":"c","image":"i:1"}],
           "ephemeralContainers":[{"name":"e","image":"i:1","livenessProbe":{"tcpSocket":{"port":1}}}]})",
       "spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container"},
  };
  for (const Case& one : cases) {
    std::string got = FaultsOf("ephemeralcontainers", one.before, one.after);
    if (one.want.empty()) {
      EXPECT_EQ(got, "") << one.name;
    } else {
      EXPECT_NE(got.find(one.want), std::string::npos) << one.name << ": " << got;
    }
  }
}

TEST(PodSubresources, ResizeChangesCpuAndMemoryOnly) {
  auto resources = [](std::string_view text) {
    return fmt::format(R"({{"containers":[{{"name":"c","image":"i:1","resources":{}}}]}})", text);
  };
  struct Case {
    std::string_view name;
    std::string before, after;
    std::string_view want;
  };
  const std::string small = resources(R"({"requests":{"cpu":"10m","memory":"10Mi"},"limits":{"cpu":"20m"}})");
  const Case cases[] = {
      {"more", small, resources(R"({"requests":{"cpu":"15m","memory":"20Mi"},"limits":{"cpu":"40m"}})"), ""},
      {"a limit is added", small,
       resources(R"({"requests":{"cpu":"10m","memory":"10Mi"},"limits":{"cpu":"20m","memory":"1Gi"}})"), ""},
      {"a limit is removed", small, resources(R"({"requests":{"cpu":"10m","memory":"10Mi"}})"),
       "resource limits cannot be removed"},
      {"a request is removed", small, resources(R"({"requests":{"cpu":"10m"},"limits":{"cpu":"20m"}})"),
       "resource requests cannot be removed"},
      {"storage", small,
       resources(R"({"requests":{"cpu":"10m","memory":"10Mi","ephemeral-storage":"1Gi"},"limits":{"cpu":"20m"}})"),
       "only cpu and memory resources are mutable"},
      {"another container", small, R"({"containers":[{"name":"d","image":"i:1"}]})",
       "containers may not be renamed or reordered on resize"},
      {"one container more", small, R"({"containers":[{"name":"c","image":"i:1"},{"name":"d","image":"i:1"}]})",
       "containers may not be added or removed on resize"},
      {"an init container", R"({"initContainers":[{"name":"i","image":"i:1"}],"containers":[{"name":"c","image":"i:1"}]})",
       R"({"initContainers":[{"name":"i","image":"i:1","resources":{"requests":{"cpu":"1"}}}],
           "containers":[{"name":"c","image":"i:1"}]})",
       "resources for non-sidecar init containers are immutable"},
  };
  for (const Case& one : cases) {
    std::string got = FaultsOf("resize", one.before, one.after);
    if (one.want.empty()) {
      EXPECT_EQ(got, "") << one.name;
    } else {
      EXPECT_NE(got.find(one.want), std::string::npos) << one.name << ": " << got;
    }
  }
  EXPECT_NE(FaultsOf("", small, resources(R"({"requests":{"cpu":"15m","memory":"10Mi"},"limits":{"cpu":"20m"}})")), "");
}

TEST(PodSubresources, SysctlNames) {
  auto faults = [](std::string_view name) {
    return FaultsOf("", kPlain,
                    fmt::format(R"({{"containers":[{{"name":"c","image":"i:1"}}],
                                     "securityContext":{{"sysctls":[{{"name":"{}","value":"1"}}]}}}})",
                                name))
               .find("must have at most 253 characters") == std::string::npos;
  };
  for (std::string_view good : {"kernel.shm_rmid_forced", "net.ipv4.ip-local", "net/ipv4/conf", "a"})
    EXPECT_TRUE(faults(good)) << good;
  for (std::string_view bad : {"foo-", "bar..", ".a", "a_.b", "A.b", "-a", "a b"}) EXPECT_FALSE(faults(bad)) << bad;
}

}  // namespace
}  // namespace sampan::api
