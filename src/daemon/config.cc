#include "daemon/config.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "api/meta/names.h"
#include "apiserver/auth/token_file.h"
#include "apiserver/gate/audit/policy.h"

namespace sampan::daemon {
namespace {

struct Network {
  uint32_t base = 0;
  uint32_t mask = 0;
};

Network ParseNetwork(const std::string& cidr) {
  size_t slash = cidr.find('/');
  in_addr address{};
  inet_pton(AF_INET, cidr.substr(0, slash).c_str(), &address);
  int bits = std::stoi(cidr.substr(slash + 1));
  return {ntohl(address.s_addr), ~uint32_t{0} << (32 - bits)};
}

bool Overlap(const Network& a, const Network& b) {
  uint32_t mask = a.mask & b.mask;
  return (a.base & mask) == (b.base & mask);
}

OptionCheck IsPortRange() {
  return [](std::string_view text) -> std::string {
    constexpr char kRight[] = "a range of ports such as 30000-32767";
    size_t dash = text.find('-');
    if (dash == std::string_view::npos) return kRight;
    uint16_t low = 0, high = 0;
    auto parse = [](std::string_view part, uint16_t& out) {
      auto [end, fault] = std::from_chars(part.data(), part.data() + part.size(), out);
      return fault == std::errc() && end == part.data() + part.size();
    };
    bool good = parse(text.substr(0, dash), low) && parse(text.substr(dash + 1), high) && low > 0 && low <= high;
    return good ? "" : kRight;
  };
}

OptionCheck IsNodeLabel() {
  return [](std::string_view text) -> std::string {
    size_t equals = text.find('=');
    bool good = equals != std::string_view::npos && api::CheckQualifiedName(text.substr(0, equals)).empty() &&
                api::CheckLabelValue(text.substr(equals + 1)).empty();
    return good ? "" : "a label such as disk=ssd";
  };
}

OptionCheck IsCertificateName() {
  return [](std::string_view text) -> std::string {
    std::string_view host = text.starts_with("*.") ? text.substr(2) : text;
    bool good = IsDnsName()(host).empty() || IsIpAddress()(text).empty();
    return good ? "" : "a DNS name or an IPv4 address";
  };
}

void DeclareState(NodeConfig& config, OptionSet& options) {
  options.Add(&config.data_dir, "data-dir", "DIR", "Where the state lies.", IsAbsolutePath());
  options.Add(&config.run_dir, "run-dir", "DIR", "Where sockets and pid files lie.", IsAbsolutePath());
  options.Add(&config.container_runtime_endpoint, "container-runtime-endpoint", "SOCKET",
              "CRI socket of a runtime that runs already; without it Sampan starts its own containerd.");
  options.Add(&config.service_cluster_ip_range, "service-cluster-ip-range", "CIDR", "Addresses of Services.", IsCidr());
}

void DeclareNode(NodeConfig& config, std::vector<std::string> components, OptionSet& options) {
  options.Add(&config.cluster_cidr, "cluster-cidr", "CIDR", "Addresses of pods.", IsCidr());
  options.Add(&config.cluster_domain, "cluster-domain", "DOMAIN", "DNS domain of the cluster.", IsDnsName());
  options.Add(&config.disable, "disable", "NAME",
              fmt::format("Leave a component out; may be repeated. One of {}.", fmt::join(components, ", ")),
              IsOneOf(components));
  options.Add(&config.node_name, "hostname-override", "NAME", "Name of this node; by default the host name.", IsDnsName());
  options.Add(&config.node_ip, "node-ip", "IP", "Address of this node; by default that of the default route.",
              IsIpAddress());
  options.Add(&config.kubelet_port, "kubelet-port", "PORT", "Port of the node agent.");
  options.Add(&config.node_labels, "node-labels", "KEY=VALUE", "Label this node registers with; may be repeated.",
              IsNodeLabel());
  options.Add(&config.max_pods, "max-pods", "N", "Most pods on this node.", 1, 10000);
  options.Add(&config.pod_max_pids, "pod-max-pids", "N",
              "Most processes and threads of a pod; 0 chooses by what the machine has, -1 sets no limit.", -1, 4194304);
  options.Add(&config.static_pod_dir, "pod-manifest-path", "DIR", "Manifests of pods that this node runs by itself.",
              IsAbsolutePath());
  options.Add(&config.log_level, "log-level", "LEVEL", "debug, info, warn or error.",
              IsOneOf({"debug", "info", "warn", "error"}));
}

void DeclareAudit(ServerConfig& config, OptionSet& options) {
  options.Add(&config.audit_policy_file, "audit-policy-file", "FILE",
              "What of which request goes into the audit log; without it none is kept.", IsAbsolutePath());
  options.Add(&config.audit_log_path, "audit-log-path", "FILE", "Where the audit log lies; - is standard output.");
  options.Add(&config.audit_log_max_size, "audit-log-maxsize", "MB", "Size at which the audit log is rotated.", 0, 1 << 20);
  options.Add(&config.audit_log_max_age, "audit-log-maxage", "DAYS", "Age at which rotated audit logs are removed; 0: none.",
              0, 36500);
  options.Add(&config.audit_log_max_backup, "audit-log-maxbackup", "N", "Most rotated audit logs that are kept; 0: all.", 0,
              1 << 20);
}

Result<void> ValidateAudit(const ServerConfig& config) {
  if (config.audit_policy_file.empty()) return {};
  auto policy = apiserver::audit::Policy::Load(config.audit_policy_file);
  if (!policy) return Fail(Error::BadRequest("--audit-policy-file: {}", policy.error()));
  auto log = apiserver::audit::CheckLog(AuditLogOptions(config));
  if (!log) return Fail(Error::BadRequest("--audit-log-path: {}", log.error()));
  return {};
}

}  // namespace

apiserver::audit::LogOptions AuditLogOptions(const ServerConfig& config) {
  return {config.audit_log_path, config.audit_log_max_size, config.audit_log_max_age, config.audit_log_max_backup};
}

bool NodeConfig::Disabled(std::string_view component) const {
  return std::ranges::find(disable, component) != disable.end();
}

std::vector<std::string> ComponentNames() {
  return {"controllers", "scheduler", "dns", "proxy"};
}

std::vector<std::string> AgentComponentNames() {
  return {"dns", "proxy"};
}

void DeclareTeardown(NodeConfig& config, OptionSet& options) {
  DeclareState(config, options);
}

void Declare(ServerConfig& config, OptionSet& options) {
  DeclareState(config, options);
  options.Add(&config.bind_address, "bind-address", "IP", "Address the API listens on.", IsIpAddress());
  options.Add(&config.secure_port, "secure-port", "PORT", "Port of the API.");
  options.Add(&config.advertise_address, "advertise-address", "IP",
              "Address of the API that other nodes and pods use; by default the node's.", IsIpAddress());
  options.Add(&config.tls_sans, "tls-san", "NAME", "Further DNS name or address in the API's certificate; may be repeated.",
              IsCertificateName());
  options.Add(&config.token_auth_file, "token-auth-file", "CSV",
              "Static tokens, a line each: token,user,uid,\"group1,group2\".", IsAbsolutePath());
  options.Add(&config.service_node_port_range, "service-node-port-range", "LOW-HIGH", "Ports of NodePort Services.",
              IsPortRange());
  options.Add(&config.disable_agent, "disable-agent", "Run the control plane only: this machine is no node.");
  DeclareAudit(config, options);
  DeclareNode(config, ComponentNames(), options);
}

void Declare(AgentConfig& config, OptionSet& options) {
  options.Add(&config.server, "server", "URL", "Address of the API; by default the kubeconfig's.");
  options.Add(&config.kubeconfig, "kubeconfig", "FILE",
              "Who this node is: a client certificate of system:node:NAME in system:nodes, which it serves with, too; by "
              "default what the server on this machine writes.",
              IsAbsolutePath());
  DeclareState(config, options);
  DeclareNode(config, AgentComponentNames(), options);
}

Result<void> Validate(const NodeConfig& config) {
  if (Overlap(ParseNetwork(config.cluster_cidr), ParseNetwork(config.service_cluster_ip_range))) {
    return Fail(Error::BadRequest("--cluster-cidr: {} overlaps --service-cluster-ip-range {}; choose networks that do not",
                                  config.cluster_cidr, config.service_cluster_ip_range));
  }
  return {};
}

Result<void> Validate(const ServerConfig& config) {
  TRY_VOID(Validate(static_cast<const NodeConfig&>(config)));
  if (!config.disable_agent && config.kubelet_port == config.secure_port) {
    return Fail(Error::BadRequest("--kubelet-port: {} is the API's port already; choose another", config.kubelet_port));
  }
  if (!config.token_auth_file.empty() && access(config.token_auth_file.c_str(), R_OK) != 0) {
    return Fail(Error::BadRequest("--token-auth-file: cannot read {}: {}", config.token_auth_file, std::strerror(errno)));
  }
  if (!config.token_auth_file.empty()) {
    auto tokens = apiserver::auth::StaticTokens::Load(config.token_auth_file);
    if (!tokens) return Fail(Error::BadRequest("--token-auth-file: {}", tokens.error()));
  }
  return ValidateAudit(config);
}

std::map<std::string, std::string> LabelsOf(const NodeConfig& config) {
  std::map<std::string, std::string> labels;
  for (const std::string& label : config.node_labels) {
    size_t equals = label.find('=');
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  return labels;
}

std::vector<std::string> AgentArguments(const ServerConfig& config) {
  AgentConfig agent{config, "", ""};
  agent.node_labels.clear();
  std::vector<std::string> known = AgentComponentNames();
  std::erase_if(agent.disable, [&](const std::string& name) { return std::ranges::find(known, name) == known.end(); });
  OptionSet options;
  Declare(agent, options);
  std::vector<std::string> arguments{"agent", "--config=/dev/null"};
  std::ranges::move(options.Arguments(), std::back_inserter(arguments));
  return arguments;
}

}  // namespace sampan::daemon
