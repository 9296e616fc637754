// The settings of `sampan server` and `sampan agent`, declared once: each is a flag and a key of the configuration file.
// Names follow the Kubernetes component that has the same setting.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "apiserver/gate/audit/log.h"
#include "base/options.h"

namespace sampan::daemon {

inline constexpr char kDefaultConfigFile[] = "/etc/sampan/config.yaml";

inline constexpr char kDefaultAgentConfigFile[] = "/etc/sampan/agent.yaml";

// Settings of a node. `sampan server` takes them as well, for the agent that it runs on its own machine.
struct NodeConfig {
  std::string data_dir = "/var/lib/sampan";
  std::string run_dir = "/run/sampan";
  std::string node_name;  // empty: the host name
  std::string node_ip;    // empty: the address of the default route
  uint16_t kubelet_port = 10250;
  std::string container_runtime_endpoint;  // empty: Sampan starts its own containerd
  std::string cluster_cidr = "10.244.0.0/16";
  std::string service_cluster_ip_range = "10.96.0.0/12";
  std::string cluster_domain = "cluster.local";
  std::vector<std::string> node_labels;  // key=value
  int64_t max_pods = 110;
  int64_t pod_max_pids = 0;
  std::string static_pod_dir;        // manifests of static pods; empty: none
  std::vector<std::string> disable;  // names of components
  std::string log_level = "info";

  bool Disabled(std::string_view component) const;
};

struct AgentConfig : NodeConfig {
  std::string kubeconfig;  // empty: the one that the server on this machine writes
  std::string server;      // URL of the API; empty: the kubeconfig's
};

struct ServerConfig : NodeConfig {
  std::string bind_address = "0.0.0.0";
  uint16_t secure_port = 6443;
  std::string advertise_address;  // empty: node_ip
  std::vector<std::string> tls_sans;
  std::string token_auth_file;
  std::string service_node_port_range = "30000-32767";
  bool disable_agent = false;
  std::string audit_policy_file;  // empty: no audit log is kept
  std::string audit_log_path = "-";
  int64_t audit_log_max_size = 100;  // MB
  int64_t audit_log_max_age = 0;     // days; 0: for ever
  int64_t audit_log_max_backup = 0;  // files; 0: all
};

// What --disable takes, in start order: of a server, which passes on what concerns its agent, and of an agent.
std::vector<std::string> ComponentNames();
std::vector<std::string> AgentComponentNames();

void Declare(ServerConfig& config, OptionSet& options);
void Declare(AgentConfig& config, OptionSet& options);
// The settings that `teardown` needs: where the state lies and which runtime ran it.
void DeclareTeardown(NodeConfig& config, OptionSet& options);

// Where and how the audit log is written.
apiserver::audit::LogOptions AuditLogOptions(const ServerConfig& config);
// Checks what one option alone cannot: ranges that overlap, addresses that lie outside. BadRequest "--flag: why".
Result<void> Validate(const ServerConfig& config);
Result<void> Validate(const NodeConfig& config);

// node_labels by key.
std::map<std::string, std::string> LabelsOf(const NodeConfig& config);

// The command line of the agent on the server's machine, `agent` first: its node's settings, and no configuration file.
// Labels are not among them: the server gives them itself, as a node may not give itself each (own_node.h).
std::vector<std::string> AgentArguments(const ServerConfig& config);

}  // namespace sampan::daemon
