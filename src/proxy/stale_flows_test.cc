#include "proxy/stale_flows.h"

#include <gtest/gtest.h>

namespace sampan::proxy {
namespace {

ServicePort Udp(std::vector<Backend> backends) {
  ServicePort port;
  port.name = "ns/dns/udp/dns";
  port.protocol = "udp";
  port.cluster_ip = "10.96.0.7";
  port.port = 53;
  port.node_port = 30053;
  port.backends = std::move(backends);
  return port;
}

os::Flow FlowTo(std::string destination, uint16_t port, std::string reply_source, uint16_t reply_port) {
  return {.protocol = 17,
          .source = "10.244.0.9",
          .destination = std::move(destination),
          .source_port = 40000,
          .destination_port = port,
          .reply_source = std::move(reply_source),
          .reply_source_port = reply_port};
}

TEST(StaleFlows, ToBackendsThatAreGone) {
  StaleFlows stale;
  stale.Note(std::vector{Udp({{"10.244.0.2", 5353}, {"10.244.0.3", 5353}})}, std::vector{Udp({{"10.244.0.3", 5353}})});
  EXPECT_TRUE(stale.Contains(FlowTo("10.96.0.7", 53, "10.244.0.2", 5353)));
  EXPECT_TRUE(stale.Contains(FlowTo("192.168.0.1", 30053, "10.244.0.2", 5353)));
  EXPECT_FALSE(stale.Contains(FlowTo("10.96.0.7", 53, "10.244.0.3", 5353)));
  EXPECT_FALSE(stale.Contains(FlowTo("10.96.0.9", 53, "10.244.0.2", 5353)));
}

TEST(StaleFlows, UntranslatedOnesOfAServiceThatGetsBackends) {
  StaleFlows stale;
  stale.Note(std::vector{Udp({})}, std::vector{Udp({{"10.244.0.3", 5353}})});
  EXPECT_TRUE(stale.Contains(FlowTo("10.96.0.7", 53, "10.96.0.7", 53)));
  EXPECT_FALSE(stale.Contains(FlowTo("10.96.0.7", 54, "10.96.0.7", 54)));
}

TEST(StaleFlows, OfARemovedService) {
  StaleFlows stale;
  stale.Note(std::vector{Udp({{"10.244.0.2", 5353}})}, {});
  EXPECT_TRUE(stale.Contains(FlowTo("10.96.0.7", 53, "10.244.0.2", 5353)));
}

TEST(StaleFlows, TcpNeedsNone) {
  ServicePort tcp = Udp({{"10.244.0.2", 5353}});
  tcp.protocol = "tcp";
  StaleFlows stale;
  stale.Note(std::vector{tcp}, {});
  EXPECT_TRUE(stale.empty());
}

}  // namespace
}  // namespace sampan::proxy
