// What the container runtime is asked for and tells, without the protocol's types.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace sampan::cri {

using Labels = std::map<std::string, std::string>;

enum class NamespaceMode : unsigned char { kPod, kContainer, kNode, kTarget };
struct NamespaceOptions {
  NamespaceMode network = NamespaceMode::kPod;
  NamespaceMode pid = NamespaceMode::kContainer;
  NamespaceMode ipc = NamespaceMode::kPod;
  std::string target_id;  // for kTarget
};

struct SecurityProfile {
  enum class Type : unsigned char { kRuntimeDefault, kUnconfined, kLocalhost };
  Type type = Type::kRuntimeDefault;
  std::string localhost_ref;
};

struct PortMapping {
  enum class Protocol : unsigned char { kTcp, kUdp, kSctp };
  Protocol protocol = Protocol::kTcp;
  int32_t container_port = 0;
  int32_t host_port = 0;
  std::string host_ip;
};

struct DnsConfig {
  std::vector<std::string> servers, searches, options;
};

struct SandboxConfig {
  std::string name, uid, namespace_;
  uint32_t attempt = 0;
  std::string hostname;
  std::string log_directory;
  std::optional<DnsConfig> dns;  // nothing: the host's resolv.conf
  std::vector<PortMapping> port_mappings;
  Labels labels, annotations;
  std::string cgroup_parent;
  Labels sysctls;
  NamespaceOptions namespaces;
  std::optional<int64_t> run_as_user, run_as_group;
  std::vector<int64_t> supplemental_groups;
  bool privileged = false;
  SecurityProfile seccomp;
};

enum class SandboxState : unsigned char { kReady, kNotReady };
struct Sandbox {
  std::string id;
  std::string name, uid, namespace_;
  uint32_t attempt = 0;
  SandboxState state = SandboxState::kNotReady;
  WallTime created_at;
  Labels labels;
  std::vector<std::string> ips;  // filled by SandboxStatus only
};

struct Mount {
  enum class Propagation : unsigned char { kPrivate, kHostToContainer, kBidirectional };
  std::string container_path;
  std::string host_path;
  bool read_only = false;
  Propagation propagation = Propagation::kPrivate;
};

struct ContainerResources {
  int64_t cpu_period_microseconds = 0;
  int64_t cpu_quota_microseconds = 0;  // 0: none
  int64_t cpu_shares = 0;
  int64_t memory_limit_bytes = 0;  // 0: none
  int64_t oom_score_adj = 0;
};

struct ContainerSecurity {
  std::vector<std::string> add_capabilities, drop_capabilities;
  bool privileged = false;
  NamespaceOptions namespaces;
  std::optional<int64_t> run_as_user, run_as_group;
  std::string run_as_username;  // only without run_as_user
  bool read_only_root_filesystem = false;
  std::vector<int64_t> supplemental_groups;
  bool no_new_privileges = false;
  std::vector<std::string> masked_paths, read_only_paths;
  SecurityProfile seccomp;
};

struct ContainerConfig {
  std::string name;
  uint32_t attempt = 0;
  std::string image;
  std::vector<std::string> command, args;  // empty: the image's
  std::string working_dir;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<Mount> mounts;
  Labels labels, annotations;
  std::string log_path;  // relative to the sandbox's log directory
  bool stdin_open = false, stdin_once = false, tty = false;
  ContainerResources resources;
  ContainerSecurity security;
};

enum class ContainerState : unsigned char { kCreated, kRunning, kExited, kUnknown };

// ListContainers leaves times, exit code, reason, message and log path empty but for created_at.
struct Container {
  std::string id;
  std::string sandbox_id;  // ListContainers only
  std::string name;
  uint32_t attempt = 0;
  ContainerState state = ContainerState::kUnknown;
  std::string image;      // as it was asked for
  std::string image_ref;  // with digest
  WallTime created_at, started_at, finished_at;
  int32_t exit_code = 0;
  std::string reason;  // "Completed", "Error", "OOMKilled", "StartError"
  std::string message;
  std::string log_path;  // absolute
  Labels labels, annotations;
};

struct Image {
  std::string id;
  std::vector<std::string> tags, digests;
  uint64_t size_bytes = 0;
  std::optional<int64_t> uid;  // the image's user, when it is a number
  std::string username;        // otherwise
};

struct Auth {
  std::string username, password, auth, server_address, identity_token, registry_token;
};

struct ExecSyncResult {
  std::string out, err;
  int32_t exit_code = 0;
};

struct ContainerStats {
  std::string id, name;
  Labels labels;
  WallTime cpu_time, memory_time;
  uint64_t cpu_nanoseconds = 0;
  uint64_t memory_working_set_bytes = 0;
  uint64_t writable_layer_bytes = 0;
};

struct RuntimeCondition {
  std::string type;  // "RuntimeReady", "NetworkReady"
  bool status = false;
  std::string reason, message;
};

struct RuntimeVersion {
  std::string name, version;
};

struct ImageFilesystem {
  std::string mount_point;
  uint64_t used_bytes = 0;
};

}  // namespace sampan::cri
