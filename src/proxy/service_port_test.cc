#include "proxy/service_port.h"

#include <gtest/gtest.h>

#include "proxy/plain.h"

namespace sampan::proxy {
namespace {

using api::core::Service;
using api::discovery::Endpoint;
using api::discovery::EndpointConditions;
using api::discovery::EndpointSlice;

const NodeInfo kNode{.name = "here", .zone = "z1"};

Service MakeService() {
  Service service;
  service.metadata.namespace_ = "ns";
  service.metadata.name = "web";
  service.spec.type = "ClusterIP";
  service.spec.cluster_ip = "10.96.0.7";
  service.spec.cluster_ips = {"10.96.0.7", "fd00::7"};
  service.spec.ports.push_back({.name = "http", .protocol = "TCP", .port = 80});
  return service;
}

struct State {
  std::optional<bool> ready, serving, terminating;
};

Endpoint MakeEndpoint(std::string address, std::string node, State state = {}) {
  Endpoint endpoint;
  endpoint.addresses = {std::move(address)};
  endpoint.node_name = std::move(node);
  endpoint.conditions = EndpointConditions{state.ready, state.serving, state.terminating};
  return endpoint;
}

EndpointSlice MakeSlice(std::vector<Endpoint> endpoints, std::string port_name = "http", int32_t port = 8080) {
  EndpointSlice slice;
  slice.address_type = "IPv4";
  slice.endpoints = std::move(endpoints);
  slice.ports.push_back({.name = std::move(port_name), .protocol = "TCP", .port = port});
  return slice;
}

std::vector<ServicePort> Resolve(const Service& service, const std::vector<EndpointSlice>& slices,
                                 IpFamily family = IpFamily::kIpv4) {
  std::vector<const EndpointSlice*> pointers;
  for (const EndpointSlice& slice : slices) pointers.push_back(&slice);
  return ResolveService(service, pointers, kNode, family);
}

std::string Show(const std::vector<Backend>& backends) {
  std::string text;
  for (const Backend& backend : backends) text += fmt::format("{}:{} ", backend.address, backend.port);
  return text;
}

struct BackendCase {
  const char* name;
  std::vector<Endpoint> endpoints;
  const char* everywhere;
  const char* local;
};

const State kReady{true, true, false};
const State kNotReady{false, false, false};
const State kEnding{false, true, true};
const State kEnded{false, false, true};

class Backends : public ::testing::TestWithParam<BackendCase> {};

TEST_P(Backends, AreChosen) {
  std::vector<ServicePort> ports = Resolve(MakeService(), {MakeSlice(GetParam().endpoints)});
  ASSERT_EQ(ports.size(), 1U);
  EXPECT_EQ(Show(ports[0].backends), GetParam().everywhere);
  EXPECT_EQ(Show(ports[0].local_backends), GetParam().local);
}

INSTANTIATE_TEST_SUITE_P(
    ServicePort, Backends,
    ::testing::Values(
        BackendCase{"NoConditionsIsReady", {MakeEndpoint("10.0.0.1", "here")}, "10.0.0.1:8080 ", "10.0.0.1:8080 "},
        BackendCase{"OnlyReadyOnes",
                    {MakeEndpoint("10.0.0.2", "there", kReady), MakeEndpoint("10.0.0.1", "here", kNotReady)},
                    "10.0.0.2:8080 ",
                    ""},
        BackendCase{"EndingOnesWhenNoneIsReady",
                    {MakeEndpoint("10.0.0.1", "here", kEnding), MakeEndpoint("10.0.0.2", "there", kEnded)},
                    "10.0.0.1:8080 ",
                    "10.0.0.1:8080 "},
        BackendCase{"LocalFallsBackByItself",
                    {MakeEndpoint("10.0.0.1", "here", kEnding), MakeEndpoint("10.0.0.2", "there", kReady)},
                    "10.0.0.2:8080 ",
                    "10.0.0.1:8080 "},
        BackendCase{"Nothing", {MakeEndpoint("10.0.0.1", "here", kEnded)}, "", ""}),
    [](const auto& info) { return info.param.name; });

TEST(ServicePort, NamesAndKeepsWhatDecidesTheRules) {
  Service service = MakeService();
  service.spec.type = "LoadBalancer";
  service.spec.ports[0].node_port = 30080;
  service.spec.external_ips = {"1.2.3.4", "fd00::1"};
  service.spec.session_affinity = "ClientIP";
  service.spec.external_traffic_policy = "Local";
  service.spec.load_balancer_source_ranges = {"10.0.0.0/8"};
  api::core::LoadBalancerStatus balancer;
  balancer.ingress.push_back({.ip = "5.6.7.8"});
  balancer.ingress.push_back({.ip = "5.6.7.9", .ip_mode = "Proxy"});
  balancer.ingress.push_back({.hostname = "lb.example.com"});
  service.status.load_balancer = balancer;
  ServicePort port = Resolve(service, {}).at(0);
  EXPECT_EQ(port.name, "ns/web/tcp/http");
  EXPECT_EQ(port.node_port, 30080);
  EXPECT_EQ(port.external_ips, std::vector<std::string>{"1.2.3.4"});
  EXPECT_EQ(port.load_balancer_ips, std::vector<std::string>{"5.6.7.8"});
  EXPECT_EQ(port.affinity_seconds, 10800);
  EXPECT_EQ(port.external_policy, TrafficPolicy::kLocal);
  EXPECT_EQ(port.source_ranges.size(), 1U);
}

TEST(ServicePort, ChoosesTheFamily) {
  EXPECT_EQ(Resolve(MakeService(), {}, IpFamily::kIpv6).at(0).cluster_ip, "fd00::7");
}

TEST(ServicePort, LeavesOutWhatIsNotProxied) {
  Service headless = MakeService();
  headless.spec.cluster_ip = "None";
  headless.spec.cluster_ips = {"None"};
  EXPECT_TRUE(Resolve(headless, {}).empty());
  Service external = MakeService();
  external.spec.type = "ExternalName";
  EXPECT_TRUE(Resolve(external, {}).empty());
  Service others = MakeService();
  others.metadata.labels["service.kubernetes.io/service-proxy-name"] = "other";
  EXPECT_TRUE(Resolve(others, {}).empty());
}

TEST(ServicePort, MatchesPortsByNameAndJoinsSlices) {
  std::vector<EndpointSlice> slices = {MakeSlice({MakeEndpoint("10.0.0.1", "here")}),
                                       MakeSlice({MakeEndpoint("10.0.0.1", "here"), MakeEndpoint("10.0.0.2", "here")}),
                                       MakeSlice({MakeEndpoint("10.0.0.3", "here")}, "other")};
  EXPECT_EQ(Show(Resolve(MakeService(), slices).at(0).backends), "10.0.0.1:8080 10.0.0.2:8080 ");
}

TEST(ServicePort, HintsCountWhenAllHaveThem) {
  Endpoint here = MakeEndpoint("10.0.0.1", "a");
  here.hints = api::discovery::EndpointHints{.for_zones = {{"z1"}}};
  Endpoint there = MakeEndpoint("10.0.0.2", "b");
  EXPECT_EQ(Resolve(MakeService(), {MakeSlice({here, there})}).at(0).backends.size(), 2U);
  there.hints = api::discovery::EndpointHints{.for_zones = {{"z2"}}};
  EXPECT_EQ(Show(Resolve(MakeService(), {MakeSlice({here, there})}).at(0).backends), "10.0.0.1:8080 ");
  here.hints->for_zones[0].name = "z3";
  EXPECT_EQ(Resolve(MakeService(), {MakeSlice({here, there})}).at(0).backends.size(), 2U);
}

TEST(LocalHealth, CountsReadyEndpointsOfThisNode) {
  Service service = MakeService();
  service.spec.type = "LoadBalancer";
  service.spec.external_traffic_policy = "Local";
  service.spec.health_check_node_port = 32000;
  EndpointSlice slice = MakeSlice({MakeEndpoint("10.0.0.1", "here"), MakeEndpoint("10.0.0.2", "here", kEnding),
                                   MakeEndpoint("10.0.0.3", "there"), MakeEndpoint("10.0.0.4", "here", kReady)});
  std::vector<const EndpointSlice*> slices = {&slice, &slice};
  std::optional<LocalHealth> health = LocalHealthOf(service, slices, "here");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->port, 32000);
  EXPECT_EQ(health->ready, 2U);
  service.spec.external_traffic_policy = "Cluster";
  EXPECT_FALSE(LocalHealthOf(service, slices, "here"));
}

TEST(ResolveService, PortsAddressesAndEndpointsAreNotMultipliedOutWithoutMeasure) {
  std::vector<EndpointSlice> slices = {MakeSlice({MakeEndpoint("10.0.0.1", "here", kReady)})};
  Service service = MakeService();
  service.spec.external_ips.assign(4095, "192.0.2.1");
  EXPECT_EQ(Resolve(service, slices).size(), 1U);
  service.spec.external_ips.emplace_back("192.0.2.2");
  EXPECT_TRUE(Resolve(service, slices).empty());
  service.spec.external_ips.resize(63);
  slices[0].endpoints.resize(4000, slices[0].endpoints[0]);
  EXPECT_TRUE(Resolve(service, slices).empty());
  service.spec.external_ips.clear();
  EXPECT_EQ(Resolve(service, slices).size(), 1U);
}

TEST(ResolveService, WhatIsNoAddressPortOrNameNeverReachesTheRules) {
  Service service = MakeService();
  service.metadata.name = "web\n}; delete table ip filter #";
  service.spec.type = "LoadBalancer";
  service.spec.external_ips = {"192.0.2.1", "192.0.2.1 ; drop", "fd00::1",        "", "192.0.2.300", "127.0.0.1",
                               "0.0.0.0",   "224.0.0.1",        "169.254.169.254"};
  service.spec.load_balancer_source_ranges = {"10.1.2.3/8", "10.9.0.0/16", "0.0.0.0/0 } accept", "192.0.2.0/33"};
  service.spec.session_affinity = "ClientIP";
  service.spec.session_affinity_config.Ensure().client_ip.Ensure().timeout_seconds = -5;
  api::core::LoadBalancerStatus balancer;
  balancer.ingress.push_back({.ip = "198.51.100.1"});
  service.status.load_balancer = balancer;
  service.spec.ports[0].node_port = 65536 + 30080;
  service.spec.ports.push_back({.name = "wraps", .protocol = "TCP", .port = 65536 + 22});
  service.spec.ports.push_back({.name = "odd", .protocol = "tcp; accept", .port = 81});
  std::vector<EndpointSlice> slices = {
      MakeSlice({MakeEndpoint("10.0.0.1", "here", kReady), MakeEndpoint("10.0.0.2; drop", "here", kReady)}),
      MakeSlice({MakeEndpoint("10.0.0.3", "here", kReady)}, "http", 65536 + 22)};
  std::vector<ServicePort> ports = Resolve(service, slices);
  ASSERT_EQ(ports.size(), 1U);
  const ServicePort& port = ports[0];
  EXPECT_EQ(port.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789/-."), std::string::npos) << port.name;
  EXPECT_EQ(port.external_ips, std::vector<std::string>({"192.0.2.1"}));
  EXPECT_EQ(port.source_ranges, std::vector<std::string>({"10.0.0.0/8"}));
  EXPECT_EQ(port.node_port, 0);
  EXPECT_EQ(port.affinity_seconds, 1);
  EXPECT_EQ(Show(port.backends), "10.0.0.1:8080 ");
  service.spec.load_balancer_source_ranges = {"everyone"};
  EXPECT_TRUE(Resolve(service, slices)[0].load_balancer_ips.empty()) << "what nobody understands lets nobody in";
}

TEST(PlainName, IsShortHarmlessAndUnique) {
  const std::string longest(400, 'a');
  EXPECT_EQ(PlainName("ns/web/tcp/http"), "ns/web/tcp/http");
  EXPECT_LT(PlainName(longest).size(), 180U);
  EXPECT_NE(PlainName(longest), PlainName(longest + "b"));
  EXPECT_NE(PlainName("a;b"), PlainName("ab"));
}

TEST(PlainRanges, LoseWhatLiesWithinOthers) {
  const std::vector<std::string> ranges = {"10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8", "11.0.0.1",
                                           "fd00::/8",    "x",          "1.2.3.4/"};
  EXPECT_EQ(PlainRanges(ranges, IpFamily::kIpv4), std::vector<std::string>({"10.0.0.0/8", "11.0.0.1/32"}));
  EXPECT_EQ(PlainRanges(ranges, IpFamily::kIpv6), std::vector<std::string>({"fd00::/8"}));
  EXPECT_EQ(PlainRanges(std::vector<std::string>{"10.1.2.3/0", "9.0.0.0/8"}, IpFamily::kIpv4),
            std::vector<std::string>({"0.0.0.0/0"}));
}

}  // namespace
}  // namespace sampan::proxy
