#include "dns/records.h"

#include <gtest/gtest.h>

namespace sampan::dns {
namespace {

using api::core::Service;
using api::discovery::Endpoint;
using api::discovery::EndpointSlice;

std::optional<ServiceRecord> Record(const Service& service, const std::vector<EndpointSlice>& slices = {}) {
  std::vector<const EndpointSlice*> pointers;
  for (const EndpointSlice& slice : slices) pointers.push_back(&slice);
  return RecordOf(service, pointers);
}

TEST(Records, ClusterIpService) {
  Service service;
  service.spec.cluster_ip = "10.96.0.7";
  service.spec.ports.push_back({.name = "dns", .protocol = "UDP", .port = 53});
  std::optional<ServiceRecord> record = Record(service);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->cluster_ips, std::vector{*IpAddress::Parse("10.96.0.7")});
  EXPECT_EQ(record->ports, (std::vector<PortRecord>{{"dns", "udp", 53}}));
}

TEST(Records, HeadlessServiceHasItsReadyEndpoints) {
  Service service;
  service.spec.cluster_ip = "None";
  EndpointSlice slice;
  slice.address_type = "IPv4";
  slice.ports.push_back({.name = "http", .port = 8080});
  Endpoint named, plain, unready;
  named.addresses = {"10.244.0.3"};
  named.hostname = "web-0";
  plain.addresses = {"10.244.0.2"};
  unready.addresses = {"10.244.0.4"};
  unready.conditions = api::discovery::EndpointConditions{.ready = false};
  slice.endpoints = {named, plain, unready};
  std::optional<ServiceRecord> record = Record(service, {slice, slice});
  ASSERT_TRUE(record);
  ASSERT_EQ(record->endpoints.size(), 2U);
  EXPECT_EQ(record->endpoints[0].hostname, "10-244-0-2");
  EXPECT_EQ(record->endpoints[1].hostname, "web-0");
  EXPECT_EQ(record->endpoints[1].ports, (std::vector<PortRecord>{{"http", "tcp", 8080}}));
}

TEST(Records, EndpointsOfASliceShareItsPorts) {
  Service service;
  service.spec.cluster_ip = "None";
  EndpointSlice slice;
  slice.address_type = "IPv4";
  slice.ports.push_back({.name = "http", .port = 8080});
  slice.endpoints.resize(2);
  slice.endpoints[0].addresses = {"10.244.0.2"};
  slice.endpoints[1].addresses = {"10.244.0.3"};
  std::optional<ServiceRecord> record = Record(service, {slice});
  ASSERT_TRUE(record);
  EXPECT_EQ(record->endpoints[0].ports.identity(), record->endpoints[1].ports.identity());
}

TEST(Records, ExternalNameAndServicesWithoutAddress) {
  Service service;
  service.spec.type = "ExternalName";
  service.spec.external_name = "WWW.Example.com.";
  EXPECT_EQ(Record(service)->external_name, "www.example.com");
  EXPECT_FALSE(Record(Service()));
}

}  // namespace
}  // namespace sampan::dns
