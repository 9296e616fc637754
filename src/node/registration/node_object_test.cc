#include "node/registration/node_object.h"

#include <gtest/gtest.h>

#include "node/cni/bridge.h"
#include "node/cni/host_port_rules.h"

namespace sampan::node {
namespace {

NodeFacts Facts() {
  NodeFacts facts;
  facts.identity = {.name = "node-a", .ip = "192.0.2.1", .control_plane = true, .labels = {{"disk", "ssd"}}};
  facts.machine.architecture = "amd64";
  facts.machine.milli_cpu = 2000;
  facts.machine.memory_bytes = int64_t{4} << 30;
  facts.machine.disk_bytes = 100'000'000'000;
  facts.runtime = {"containerd", "1.6.20"};
  facts.now = *ParseTime("2026-01-01T12:00:00Z");
  return facts;
}

std::string Condition(const api::core::NodeStatus& status, std::string_view type) {
  for (const auto& condition : status.conditions) {
    if (condition.type == type) return condition.status + " " + FormatTime(*condition.last_transition_time);
  }
  return "absent";
}

TEST(MaxPidsOf, Table) {
  struct Case {
    int64_t wanted, machine, want;
  } cases[] = {{0, 32768, 4096}, {0, 4194304, 16384}, {0, 0, 0}, {-1, 32768, 0}, {100, 32768, 100}};
  for (const Case& one : cases) EXPECT_EQ(MaxPidsOf(one.wanted, one.machine), one.want) << one.wanted << " " << one.machine;
}

TEST(BuildNode, TellsWhatTheMachineIs) {
  api::core::Node node = BuildNode(Facts());
  EXPECT_EQ(node.metadata.labels.Get("kubernetes.io/hostname"), "node-a");
  EXPECT_EQ(node.metadata.labels.Get("disk"), "ssd");
  EXPECT_TRUE(node.metadata.labels.contains("node-role.kubernetes.io/control-plane"));
  EXPECT_EQ(node.status.capacity.Get("cpu").ToString(), "2");
  EXPECT_EQ(node.status.capacity.Get("memory").ToString(), "4Gi");
  EXPECT_EQ(node.status.allocatable.Get("memory").ToString(), "3996Mi");
  EXPECT_EQ(node.status.capacity.Get("pods").ToString(), "110");
  EXPECT_EQ(node.status.node_info->container_runtime_version, "containerd://1.6.20");
  EXPECT_EQ(Condition(node.status, "Ready"), "True 2026-01-01T12:00:00Z");
}

TEST(BuildNodeStatus, TransitionTimesMoveWithTheStatusOnly) {
  NodeFacts facts = Facts();
  api::core::NodeStatus before = BuildNodeStatus(facts, {});
  facts.now += std::chrono::minutes(1);
  api::core::NodeStatus same = BuildNodeStatus(facts, before);
  EXPECT_EQ(Condition(same, "Ready"), "True 2026-01-01T12:00:00Z");
  EXPECT_TRUE(SameButHeartbeats(before, same));
  facts.not_ready = "container runtime is down";
  facts.pressure.memory = true;
  api::core::NodeStatus down = BuildNodeStatus(facts, same);
  EXPECT_EQ(Condition(down, "Ready"), "False 2026-01-01T12:01:00Z");
  EXPECT_EQ(Condition(down, "MemoryPressure"), "True 2026-01-01T12:01:00Z");
  EXPECT_FALSE(SameButHeartbeats(same, down));
}

TEST(PressureOf, Thresholds) {
  MachineUsage fine{.memory_available_bytes = int64_t{1} << 30,
                    .disk_available_bytes = 50,
                    .disk_bytes = 100,
                    .inodes_free = 50,
                    .inodes = 100,
                    .processes = 10,
                    .max_processes = 1000};
  EXPECT_EQ(PressureOf(fine), Pressure());
  MachineUsage memory = fine, disk = fine, inodes = fine, pids = fine;
  memory.memory_available_bytes = 99 << 20;
  disk.disk_available_bytes = 9;
  inodes.inodes_free = 4;
  pids.processes = 951;
  EXPECT_TRUE(PressureOf(memory).memory);
  EXPECT_TRUE(PressureOf(disk).disk);
  EXPECT_TRUE(PressureOf(inodes).disk);
  EXPECT_TRUE(PressureOf(pids).pids);
}

TEST(BridgeConf, IsWhatThePluginsRead) {
  EXPECT_EQ(BridgeConfText({"sampan0", "10.244.0.0/24", "/x/ipam"}),
            R"({"cniVersion":"0.4.0","name":"sampan","plugins":[{"type":"bridge","bridge":"sampan0","isGateway":true,)"
            R"("isDefaultGateway":true,"hairpinMode":true,"ipMasq":false,"ipam":{"type":"host-local","dataDir":"/x/ipam",)"
            R"("ranges":[[{"subnet":"10.244.0.0/24"}]]}},{"type":"portmap","capabilities":{"portMappings":true}}]})"
            "\n");
  EXPECT_NE(BridgeConfText({"sampan0", "10.244.0.0/24", "/x/ipam", "10.96.0.0/12"})
                .find(R"({"type":"portmap","capabilities":{"portMappings":true},"conditionsV4":["!","-d","10.96.0.0/12"]})"),
            std::string::npos);
}

TEST(HostPortRules, OnlyThePluginsOwnGo) {
  const std::string head = "*nat\n:PREROUTING ACCEPT [0:0]\n";
  const std::string plugin = ":CNI-HOSTPORT-DNAT - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT\n";
  HostPortRules alone = WithoutHostPortChains(head + plugin + "COMMIT\n");
  EXPECT_EQ(alone.text, head + "COMMIT\n");
  EXPECT_TRUE(alone.empty);
  HostPortRules shared = WithoutHostPortChains(head + ":DOCKER - [0:0]\n" + plugin + "-A PREROUTING -j DOCKER\nCOMMIT\n");
  EXPECT_EQ(shared.text, head + ":DOCKER - [0:0]\n-A PREROUTING -j DOCKER\nCOMMIT\n");
  EXPECT_FALSE(shared.empty);
  EXPECT_TRUE(WithoutHostPortChains(head + ":CNI-DN-0123 - [0:0]\n" + plugin).kept_by_others);
}

}  // namespace
}  // namespace sampan::node
