#include "daemon/config.h"

#include <gtest/gtest.h>

#include "cli/command_line.h"

namespace sampan::daemon {
namespace {

// The one line that a configuration file's fault ends with; "" when it is accepted.
std::string FaultOf(const std::string& yaml, ServerConfig* config) {
  OptionSet options;
  Declare(*config, options);
  auto applied = cli::ApplyConfigText("config.yaml", yaml, options);
  if (!applied) return applied.error().message();
  auto valid = Validate(*config);
  return valid ? "" : valid.error().message();
}

struct Row {
  const char* yaml;
  const char* fault;
};

class ConfigFile : public testing::TestWithParam<Row> {};

TEST_P(ConfigFile, SaysWhichWhyAndWhatIsRight) {
  ServerConfig config;
  EXPECT_EQ(FaultOf(GetParam().yaml, &config), GetParam().fault) << GetParam().yaml;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ConfigFile,
    testing::Values(
        Row{"", ""}, Row{"secure-port: 7443\ndisable: [dns, proxy]\n", ""},
        Row{"secure-prot: 7443\n", "config.yaml: secure-prot: no such key; did you mean secure-port?"},
        Row{"secure-port: 70000\n", "config.yaml: secure-port: \"70000\" is not a whole number between 1 and 65535"},
        Row{"disable: [dsn]\n", "config.yaml: disable: \"dsn\" is not one of controllers, scheduler, dns, proxy"},
        Row{"tls-san: [a, {b: c}]\n", "config.yaml: tls-san: must be a list of single values"},
        Row{"secure-port: [1, 2]\n", "config.yaml: secure-port: must be one value"},
        Row{"- a\n", "config.yaml: must be a mapping such as `secure-port: 6443`"},
        Row{"cluster-cidr: 10.100.0.0/16\n",
            "--cluster-cidr: 10.100.0.0/16 overlaps --service-cluster-ip-range 10.96.0.0/12; choose networks "
            "that do not"},
        Row{"node-labels: [disk=ssd, acme.com/a=]\ntls-san: [\"*.example.org\", 10.1.1.1]\n", ""},
        Row{"node-labels: [a b=c]\n", "config.yaml: node-labels: \"a b=c\" is not a label such as disk=ssd"},
        Row{"tls-san: [bad name]\n", "config.yaml: tls-san: \"bad name\" is not a DNS name or an IPv4 address"},
        Row{"audit-policy-file: /nowhere/policy.yaml\n", "--audit-policy-file: cannot read /nowhere/policy.yaml"},
        Row{"audit-policy-file: /dev/null\n", "--audit-policy-file: no audit policy"},
        Row{"audit-log-maxsize: many\n",
            "config.yaml: audit-log-maxsize: \"many\" is not a whole number between 0 and 1048576"},
        Row{"kubelet-port: 6443\n", "--kubelet-port: 6443 is the API's port already; choose another"}));

TEST(ConfigFileValues, AreStored) {
  ServerConfig config;
  EXPECT_EQ(FaultOf("secure-port: 7443\ndisable-agent: true\ndisable: [dns]\ncluster-domain: example.org\n", &config), "");
  EXPECT_EQ(config.secure_port, 7443);
  EXPECT_TRUE(config.disable_agent);
  EXPECT_TRUE(config.Disabled("dns"));
  EXPECT_EQ(config.cluster_domain, "example.org");
}

TEST(AgentArguments, AreTheSettingsOfTheServersNode) {
  ServerConfig server;
  EXPECT_EQ(
      FaultOf("data-dir: /d\nrun-dir: /r\nsecure-port: 7443\nhostname-override: node-a\nnode-ip: 10.0.0.5\nmax-pods: 20\n"
              "node-labels: [disk=ssd]\ndisable: [scheduler, dns]\nlog-level: debug\n",
              &server),
      "");
  EXPECT_EQ(
      AgentArguments(server),
      (std::vector<std::string>{
          "agent", "--config=/dev/null", "--data-dir=/d", "--run-dir=/r", "--service-cluster-ip-range=10.96.0.0/12",
          "--cluster-cidr=10.244.0.0/16", "--cluster-domain=cluster.local", "--disable=dns", "--hostname-override=node-a",
          "--node-ip=10.0.0.5", "--kubelet-port=10250", "--max-pods=20", "--pod-max-pids=0", "--log-level=debug"}));
}

TEST(AgentArguments, AreAcceptedByTheAgentAndMeanTheSame) {
  ServerConfig server;
  server.node_name = "n";
  server.disable = {"proxy"};
  server.max_pods = 7;
  server.static_pod_dir = "/etc/pods";
  server.container_runtime_endpoint = "/run/other.sock";
  AgentConfig agent;
  OptionSet options;
  Declare(agent, options);
  for (const std::string& argument : AgentArguments(server)) {
    if (argument == "agent" || argument.starts_with("--config=")) continue;
    size_t equals = argument.find('=');
    const Option* option = options.Find(std::string_view(argument).substr(2, equals - 2));
    ASSERT_NE(option, nullptr) << argument;
    EXPECT_TRUE(option->set(argument.substr(equals + 1))) << argument;
  }
  EXPECT_EQ(agent.disable, server.disable);
  EXPECT_EQ(agent.max_pods, 7);
  EXPECT_EQ(agent.static_pod_dir, "/etc/pods");
  EXPECT_EQ(agent.container_runtime_endpoint, "/run/other.sock");
}

}  // namespace
}  // namespace sampan::daemon
