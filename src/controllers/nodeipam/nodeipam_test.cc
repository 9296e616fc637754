#include "controllers/nodeipam/nodeipam.h"

#include <gtest/gtest.h>

#include "controllers/nodeipam/plan.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using api::core::Node;
using nodeipam::RangePool;
using testing::Sim;
using List = std::vector<std::string>;

List TakeAll(RangePool& pool) {
  List all;
  while (std::optional<std::string> range = pool.Take()) all.push_back(*range);
  return all;
}

TEST(RangePool, WhatIsFree) {
  struct Row {
    const char* what;
    const char* cluster;
    int mask;
    List occupied;
    List free;
  };
  const Row rows[] = {
      {"four nodes", "10.0.0.0/22", 24, {}, {"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"}},
      {"address inside the range", "10.0.3.7/23", 24, {}, {"10.0.2.0/24", "10.0.3.0/24"}},
      {"one is taken", "10.0.0.0/23", 24, {"10.0.0.0/24"}, {"10.0.1.0/24"}},
      {"a larger one is taken", "10.0.0.0/22", 24, {"10.0.2.0/23"}, {"10.0.0.0/24", "10.0.1.0/24"}},
      {"a smaller one is taken", "10.0.0.0/23", 24, {"10.0.1.128/26"}, {"10.0.0.0/24"}},
      {"others' ranges", "10.0.0.0/23", 24, {"192.168.0.0/24", "x", "fd00::/64"}, {"10.0.0.0/24", "10.0.1.0/24"}},
      {"smaller than a node's", "10.1.2.0/26", 24, {}, {"10.1.2.0/26"}},
      {"at the end of all addresses", "255.255.254.0/23", 24, {"255.255.255.0/24"}, {"255.255.254.0/24"}},
  };
  for (const Row& row : rows) {
    Result<RangePool> pool = RangePool::Create(row.cluster, row.mask);
    ASSERT_TRUE(pool) << row.what;
    for (const std::string& range : row.occupied) pool->Occupy(range);
    EXPECT_EQ(TakeAll(*pool), row.free) << row.what;
  }
  for (const char* bad : {"", "10.0.0.0", "10.0.0.0/33", "x/16", "fd00::/64", "0.0.0.0/0"}) {
    EXPECT_FALSE(RangePool::Create(bad, 24)) << bad;
  }
}

TEST(RangePool, AReleasedRangeRestsAsLongAsItCan) {
  Result<RangePool> pool = RangePool::Create("10.0.0.0/22", 24);
  ASSERT_TRUE(pool);
  EXPECT_EQ(pool->Take(), "10.0.0.0/24");
  EXPECT_EQ(pool->Take(), "10.0.1.0/24");
  pool->Release("10.0.0.0/24");
  EXPECT_EQ(TakeAll(*pool), (List{"10.0.2.0/24", "10.0.3.0/24", "10.0.0.0/24"}));
}

void AddNode(Sim& sim, const std::string& name, const std::string& range = "") {
  std::string spec = range.empty() ? "{}" : fmt::format(R"({{"podCIDR":"{0}","podCIDRs":["{0}"]}})", range);
  sim.api().Put(fmt::format(R"({{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{}"}},"spec":{}}})", name, spec));
  sim.Settle();
}

TEST(NodeIpam, NodesGetRangesAndGiveThemBack) {
  Sim sim;
  AddNode(sim, "old", "10.0.0.0/24");
  sim.Start(NewNodeIpamController(sim.world(), {.cluster_cidr = "10.0.0.0/23", .node_mask = 24}));
  AddNode(sim, "a");
  EXPECT_EQ(sim.Get<Node>("a")->spec.pod_cidr, "10.0.1.0/24");
  EXPECT_EQ(sim.Get<Node>("a")->spec.pod_cidrs, (List{"10.0.1.0/24"}));
  AddNode(sim, "b");
  EXPECT_EQ(sim.Get<Node>("b")->spec.pod_cidr, "");
  EXPECT_EQ(sim.Events(), (List{"CIDRNotAvailable: Node b status is now: CIDRNotAvailable"}));
  sim.Delete<Node>("old");
  sim.Settle();
  EXPECT_EQ(sim.Get<Node>("b")->spec.pod_cidr, "10.0.0.0/24");
}

TEST(NodeIpam, ANodeThatClaimsWhatOthersHaveTakesNothingFromThemWhenItGoes) {
  Sim sim;
  AddNode(sim, "a", "10.0.0.0/24");
  AddNode(sim, "liar", "10.0.0.0/22");
  sim.Start(NewNodeIpamController(sim.world(), {.cluster_cidr = "10.0.0.0/23", .node_mask = 24}));
  sim.Delete<Node>("liar");
  sim.Settle();
  AddNode(sim, "b");
  EXPECT_EQ(sim.Get<Node>("b")->spec.pod_cidr, "10.0.1.0/24");
  AddNode(sim, "c");
  EXPECT_EQ(sim.Get<Node>("c")->spec.pod_cidr, "");
  sim.Delete<Node>("b");
  sim.Settle();
  EXPECT_EQ(sim.Get<Node>("c")->spec.pod_cidr, "10.0.1.0/24");
}

TEST(NodeIpam, NothingToHandOut) {
  Sim sim;
  EXPECT_EQ(NewNodeIpamController(sim.world(), {}), nullptr);
  EXPECT_EQ(NewNodeIpamController(sim.world(), {.cluster_cidr = "fd00::/48"}), nullptr);
}

}  // namespace
}  // namespace sampan::controllers
