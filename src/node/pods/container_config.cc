#include "node/pods/container_config.h"

#include <algorithm>

#include "node/pods/expand.h"
#include "node/pods/resources.h"
#include "node/pods/state.h"

namespace sampan::node {
namespace {

using namespace api::core;

constexpr std::string_view kDefaultMessagePath = "/dev/termination-log";

cri::NamespaceOptions NamespacesOf(const PodSpec& spec) {
  cri::NamespaceOptions out;
  if (spec.host_network.value_or(false)) out.network = cri::NamespaceMode::kNode;
  if (spec.host_ipc.value_or(false)) out.ipc = cri::NamespaceMode::kNode;
  if (spec.host_pid.value_or(false)) {
    out.pid = cri::NamespaceMode::kNode;
  } else if (spec.share_process_namespace.value_or(false)) {
    out.pid = cri::NamespaceMode::kPod;
  }
  return out;
}

// The container's profile, else the pod's, else none is applied, as Kubernetes does by default.
cri::SecurityProfile SeccompOf(const api::Box<SeccompProfile>& container, const api::Box<SeccompProfile>& pod) {
  const SeccompProfile* profile = container ? container.get() : pod.get();
  cri::SecurityProfile out;
  if (profile == nullptr || profile->type == "Unconfined") {
    out.type = cri::SecurityProfile::Type::kUnconfined;
  } else if (profile->type == "Localhost") {
    out.type = cri::SecurityProfile::Type::kLocalhost;
    out.localhost_ref = "/var/lib/kubelet/seccomp/" + profile->localhost_profile;
  }
  return out;
}

bool AnyPrivileged(const PodSpec& spec) {
  auto privileged = [](const Container& c) { return c.security_context.OrEmpty().privileged.value_or(false); };
  return std::ranges::any_of(spec.containers, privileged) || std::ranges::any_of(spec.init_containers, privileged);
}

std::vector<int64_t> SupplementalGroups(const PodSecurityContext& security) {
  std::vector<int64_t> groups = security.supplemental_groups;
  if (security.fs_group && std::ranges::find(groups, *security.fs_group) == groups.end()) {
    groups.push_back(*security.fs_group);
  }
  return groups;
}

Result<void> CheckNonRoot(const ContainerInput& input, const cri::ContainerSecurity& security) {
  const SecurityContext& own = input.container.security_context.OrEmpty();
  const PodSecurityContext& pod = input.pod.spec.security_context.OrEmpty();
  if (!own.run_as_non_root.value_or(pod.run_as_non_root.value_or(false))) return {};
  const std::string where = fmt::format("pod: \"{}_{}({})\", container: {}", input.pod.metadata.name,
                                        input.pod.metadata.namespace_, input.pod.metadata.uid, input.container.name);
  if (security.run_as_user) {
    if (*security.run_as_user != 0) return {};
    return Fail(Error::Invalid("container's runAsUser breaks non-root policy ({})", where));
  }
  if (!input.image.username.empty()) {
    return Fail(
        Error::Invalid("container has runAsNonRoot and image has non-numeric user ({}), cannot verify user is "
                       "non-root ({})",
                       input.image.username, where));
  }
  if (input.image.uid.value_or(0) == 0) {
    return Fail(Error::Invalid("container has runAsNonRoot and image will run as root ({})", where));
  }
  return {};
}

cri::ContainerSecurity SecurityOf(const ContainerInput& input) {
  const SecurityContext& own = input.container.security_context.OrEmpty();
  const PodSecurityContext& pod = input.pod.spec.security_context.OrEmpty();
  cri::ContainerSecurity out;
  out.add_capabilities = own.capabilities.OrEmpty().add;
  out.drop_capabilities = own.capabilities.OrEmpty().drop;
  out.privileged = own.privileged.value_or(false);
  out.namespaces = NamespacesOf(input.pod.spec);
  if (!input.target_id.empty()) {
    out.namespaces.pid = cri::NamespaceMode::kTarget;
    out.namespaces.target_id = input.target_id;
  }
  out.run_as_user = own.run_as_user ? own.run_as_user : pod.run_as_user;
  out.run_as_group = own.run_as_group ? own.run_as_group : pod.run_as_group;
  if (!out.run_as_user) {
    // The runtime needs a user to be able to set a group.
    if (input.image.uid) {
      out.run_as_user = input.image.uid;
    } else {
      out.run_as_username = input.image.username;
    }
  }
  out.read_only_root_filesystem = own.read_only_root_filesystem.value_or(false);
  out.supplemental_groups = SupplementalGroups(pod);
  out.no_new_privileges = !own.allow_privilege_escalation.value_or(true);
  if (!out.privileged && own.proc_mount != "Unmasked") {
    out.masked_paths = {"/proc/asound",     "/proc/acpi",        "/proc/kcore",       "/proc/keys", "/proc/latency_stats",
                        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"};
    out.read_only_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  }
  out.seccomp = SeccompOf(own.seccomp_profile, pod.seccomp_profile);
  if (out.privileged) out.seccomp.type = cri::SecurityProfile::Type::kUnconfined;
  return out;
}

// Words share with the environment what the kernel gives a program.
Result<std::vector<std::string>> Expanded(const std::vector<std::string>& words, const ValueIndex& values) {
  std::vector<std::string> out;
  size_t bytes = 0;
  for (const std::string& word : words) {
    TRY(std::string expanded, ExpandReferences(word, [&](std::string_view name) { return values.Find(name); }));
    bytes += expanded.size();
    if (bytes > kMostEnvironment) return Fail(Error::BadRequest("the command has more than {} bytes", kMostEnvironment));
    out.push_back(std::move(expanded));
  }
  return out;
}

cri::Labels PodLabels(const Pod& pod) {
  return {{std::string(labels::kPodName), pod.metadata.name},
          {std::string(labels::kPodNamespace), pod.metadata.namespace_},
          {std::string(labels::kPodUid), pod.metadata.uid}};
}

}  // namespace

cri::SandboxConfig BuildSandboxConfig(const SandboxInput& input) {
  const Pod& pod = input.pod;
  cri::SandboxConfig out;
  out.name = pod.metadata.name;
  out.uid = pod.metadata.uid;
  out.namespace_ = pod.metadata.namespace_;
  out.attempt = input.attempt;
  if (!pod.spec.host_network.value_or(false)) out.hostname = PodHostname(pod);
  out.log_directory = input.paths.PodLogs(pod.metadata.namespace_, pod.metadata.name, pod.metadata.uid);
  out.dns = PodDns(pod, input.dns);
  for (const Container& container : pod.spec.containers) {
    for (const ContainerPort& port : container.ports) {
      if (port.host_port.value_or(0) == 0 || pod.spec.host_network.value_or(false)) continue;
      cri::PortMapping mapping;
      mapping.protocol = port.protocol == "UDP"    ? cri::PortMapping::Protocol::kUdp
                         : port.protocol == "SCTP" ? cri::PortMapping::Protocol::kSctp
                                                   : cri::PortMapping::Protocol::kTcp;
      mapping.container_port = port.container_port;
      mapping.host_port = *port.host_port;
      mapping.host_ip = port.host_ip;
      out.port_mappings.push_back(std::move(mapping));
    }
  }
  out.labels = PodLabels(pod);
  for (const auto& [key, value] : pod.metadata.labels) out.labels.emplace(key, value);  // ours win: they say whose it is
  for (const auto& [key, value] : pod.metadata.annotations) out.annotations[key] = value;
  out.cgroup_parent = PodCgroup(QosOf(pod.spec), pod.metadata.uid);
  const PodSecurityContext& security = pod.spec.security_context.OrEmpty();
  for (const Sysctl& sysctl : security.sysctls) out.sysctls[sysctl.name] = sysctl.value;
  out.namespaces = NamespacesOf(pod.spec);
  out.run_as_user = security.run_as_user;
  if (security.run_as_user) out.run_as_group = security.run_as_group;
  out.supplemental_groups = SupplementalGroups(security);
  out.privileged = AnyPrivileged(pod.spec);
  out.seccomp = SeccompOf({}, security.seccomp_profile);
  if (!security.seccomp_profile) out.seccomp.type = cri::SecurityProfile::Type::kRuntimeDefault;
  return out;
}

bool WantsEtcHosts(const Container& container) {
  return std::ranges::none_of(container.volume_mounts,
                              [](const VolumeMount& mount) { return mount.mount_path == "/etc/hosts"; });
}

Result<cri::ContainerConfig> BuildContainerConfig(const ContainerInput& input) {
  const Pod& pod = input.pod;
  const Container& container = input.container;
  cri::ContainerConfig out;
  out.name = container.name;
  out.attempt = input.attempt;
  out.image = input.image.id;
  const ValueIndex values(input.environment);
  TRY(out.command, Expanded(container.command, values));
  TRY(out.args, Expanded(container.args, values));
  out.working_dir = container.working_dir;
  out.env = input.environment;
  out.mounts = input.mounts;
  if (WantsEtcHosts(container)) {
    out.mounts.push_back({.container_path = "/etc/hosts", .host_path = input.paths.EtcHosts(pod.metadata.uid)});
  }
  const std::string message_path =
      container.termination_message_path.empty() ? std::string(kDefaultMessagePath) : container.termination_message_path;
  out.mounts.push_back({.container_path = message_path,
                        .host_path = input.paths.TerminationMessage(pod.metadata.uid, container.name, input.attempt)});
  out.labels = PodLabels(pod);
  out.labels[std::string(labels::kContainerName)] = container.name;
  out.annotations = {
      {std::string(labels::kRestartCount), std::to_string(input.attempt)},
      {std::string(labels::kMessagePath), message_path},
      {std::string(labels::kMessagePolicy), container.termination_message_policy},
      {std::string(labels::kGracePeriod), std::to_string(pod.spec.termination_grace_period_seconds.value_or(30))}};
  out.log_path = Paths::ContainerLog(container.name, input.attempt);
  out.stdin_open = container.stdin_.value_or(false);
  out.stdin_once = container.stdin_once.value_or(false);
  out.tty = container.tty.value_or(false);
  out.resources = ContainerResourcesOf(pod.spec, container, input.node_memory_bytes);
  out.security = SecurityOf(input);
  TRY_VOID(CheckNonRoot(input, out.security));
  return out;
}

}  // namespace sampan::node
