#include "daemon/host.h"

#include <gtest/gtest.h>

namespace sampan::daemon {
namespace {

TEST(Networks, AddressesInThem) {
  struct Row {
    const char* address;
    const char* network;
    bool inside;
  };
  for (const Row& row : {Row{"10.244.0.1", "10.244.0.0/16", true}, Row{"10.245.0.1", "10.244.0.0/16", false},
                         Row{"10.244.0.1", "10.0.0.0/8", true}, Row{"10.96.0.130", "10.96.0.128/25", true},
                         Row{"10.96.0.1", "10.96.0.128/25", false}, Row{"::1", "10.0.0.0/8", false}}) {
    EXPECT_EQ(InNetwork(row.address, row.network), row.inside) << row.address << " " << row.network;
  }
  EXPECT_EQ(AddressIn("10.96.0.0/12", 10), "10.96.0.10");
}

TEST(HostAddress, IsNeverOfTheClustersOwnNetworks) {
  // Every address is of such a network: what is left is the loopback's, or that of the default route.
  std::string address = HostAddress({"0.0.0.0/1", "128.0.0.0/1"});
  std::string any = HostAddress({});
  EXPECT_TRUE(address == "127.0.0.1" || address == any) << address;
}

}  // namespace
}  // namespace sampan::daemon
