#include "node/pods/admission.h"

#include <gtest/gtest.h>

namespace sampan::node {
namespace {

using api::core::Pod;

Pod PodOf(std::string_view container) {
  return *api::FromJsonText<Pod>(
      fmt::format(R"({{"metadata":{{"name":"p"}},"spec":{{"containers":[{{"name":"c",{}}}]}}}})", container));
}

TEST(RejectionOf, Table) {
  const api::Map<api::Quantity> allocatable = {{"pods", api::Quantity::Of(3)},
                                               {"cpu", api::Quantity::Of(2)},
                                               {"memory", api::Quantity::Of(1 << 30)},
                                               {"ephemeral-storage", api::Quantity::Of(1 << 20)}};
  const Pod web =
      PodOf(R"("resources":{"requests":{"cpu":"1500m","memory":"512Mi"}},"ports":[{"containerPort":80,"hostPort":80},
      {"containerPort":53,"hostPort":53,"protocol":"UDP","hostIP":"10.0.0.1"}])");
  const Pod small = PodOf(R"("image":"i")");
  struct Case {
    const char* container;
    std::string_view want;
  } cases[] = {
      {R"("image":"i")", ""},
      {R"("resources":{"requests":{"cpu":"500m","memory":"512Mi","example.org/gpu":"9"}})", ""},
      {R"("resources":{"requests":{"cpu":"501m"}})", "OutOfcpu"},
      {R"("resources":{"limits":{"cpu":"1"}})", "OutOfcpu"},
      {R"("resources":{"requests":{"memory":"513Mi"}})", "OutOfmemory"},
      {R"("resources":{"requests":{"memory":"9223372036854775807"}})", "OutOfmemory"},
      {R"("resources":{"requests":{"ephemeral-storage":"2Mi"}})", "OutOfephemeral-storage"},
      {R"("ports":[{"containerPort":80}])", ""},
      {R"("ports":[{"containerPort":1,"hostPort":80,"protocol":"UDP"}])", ""},
      {R"("ports":[{"containerPort":1,"hostPort":80}])", "NodePorts"},
      {R"("ports":[{"containerPort":1,"hostPort":80,"hostIP":"10.0.0.9"}])", "NodePorts"},
      {R"("ports":[{"containerPort":1,"hostPort":53,"protocol":"UDP","hostIP":"10.0.0.2"}])", ""},
      {R"("ports":[{"containerPort":1,"hostPort":53,"protocol":"UDP","hostIP":"10.0.0.1"}])", "NodePorts"},
      {R"("ports":[{"containerPort":1,"hostPort":53,"protocol":"UDP","hostIP":"0.0.0.0"}])", "NodePorts"},
  };
  const std::vector<const Pod*> others{&web, &small};
  for (const Case& one : cases) {
    auto rejection = RejectionOf(PodOf(one.container), allocatable, others);
    EXPECT_EQ(rejection ? rejection->reason : "", one.want) << one.container;
  }
  const std::vector<const Pod*> full{&web, &small, &small};
  EXPECT_EQ(RejectionOf(small, allocatable, full),
            (Rejection{"OutOfpods",
                       "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"}));
  EXPECT_EQ(RejectionOf(PodOf(R"("resources":{"requests":{"cpu":"9000"}})"), {}, full), std::nullopt);
}

TEST(HostPortsTaken, ByWhatTheHostServes) {
  using Protocol = cri::PortMapping::Protocol;
  const std::vector<os::Listener> listeners = {{os::Listener::Protocol::kTcp, "", 10250},
                                               {os::Listener::Protocol::kTcp, "127.0.0.1", 40123},
                                               {os::Listener::Protocol::kUdp, "10.96.0.10", 53},
                                               {os::Listener::Protocol::kUdp, "192.0.2.1", 123}};
  struct Case {
    Protocol protocol;
    int32_t port;
    const char* address;
    bool taken;
  } cases[] = {
      {Protocol::kTcp, 8080, "", false},           {Protocol::kTcp, 10250, "", true},
      {Protocol::kUdp, 10250, "", false},          {Protocol::kTcp, 10250, "192.0.2.1", true},
      {Protocol::kTcp, 40123, "", true},           {Protocol::kTcp, 40123, "0.0.0.0", true},
      {Protocol::kTcp, 40123, "192.0.2.1", false}, {Protocol::kUdp, 53, "", false},
      {Protocol::kUdp, 123, "192.0.2.1", true},    {Protocol::kSctp, 10250, "", false},
  };
  for (const Case& one : cases) {
    const cri::PortMapping mapping{one.protocol, 80, one.port, one.address};
    EXPECT_EQ(HostPortsTaken(std::vector{mapping}, listeners, "10.96.0.10").has_value(), one.taken)
        << one.port << one.address;
  }
}

TEST(RejectionOf, WhatWouldSilentlyNotBeDone) {
  struct Case {
    const char* spec;
    std::string_view want;
  } cases[] = {
      {R"("hostUsers":true,"securityContext":{"supplementalGroupsPolicy":"Merge","appArmorProfile":{"type":"RuntimeDefault"}})",
       ""},
      {R"("securityContext":{"sysctls":[{"name":"net.ipv4.tcp_syncookies","value":"1"},{"name":"net/ipv4/tcp_rmem","value":"1"}]})",
       ""},
      {R"("securityContext":{"sysctls":[{"name":"net.ipv4.tcp_rmem","value":"1"},{"name":"kernel.msgmax","value":"1"}]})",
       "SysctlForbidden"},
      {R"("hostUsers":false)", "UserNamespacesNotSupported"},
      {R"("securityContext":{"supplementalGroupsPolicy":"Strict"})", "SupplementalGroupsPolicyNotSupported"},
      {R"("securityContext":{"appArmorProfile":{"type":"Localhost","localhostProfile":"x"}})", "AppArmor"},
      {R"("initContainers":[{"name":"i","securityContext":{"appArmorProfile":{"type":"Localhost"}}}])", "AppArmor"},
      {R"("initContainers":[{"name":"i","volumeMounts":[{"name":"v","mountPath":"/v","recursiveReadOnly":"Enabled"}]}])",
       "RecursiveReadOnlyNotSupported"},
      {R"("initContainers":[{"name":"i","volumeMounts":[{"name":"v","mountPath":"/v","recursiveReadOnly":"IfPossible"}]}])",
       ""},
  };
  for (const Case& one : cases) {
    Pod pod = *api::FromJsonText<Pod>(
        fmt::format(R"({{"metadata":{{"name":"p"}},"spec":{{"containers":[{{"name":"c"}}],{}}}}})", one.spec));
    auto rejection = RejectionOf(pod, {}, {});
    EXPECT_EQ(rejection ? rejection->reason : "", one.want) << one.spec;
  }
}

}  // namespace
}  // namespace sampan::node
