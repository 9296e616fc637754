#include "node/cri/convert.h"

#include "base/saturate.h"
#include "codec/utf8.h"

namespace sampan::cri {
namespace {

namespace pb = runtime::v1;

constexpr size_t kMostText = 4096;             // of a name, a reason, a message
constexpr size_t kMostAnnotation = 256 << 10;  // what the API allows

std::string Text(std::string_view text) {
  return utf8::Repaired(text, kMostText);
}

WallTime FromNanos(int64_t nanoseconds) {
  return BoundedTime(nanoseconds);
}

template <class ProtoMap>
Labels FromMap(const ProtoMap& from) {
  Labels to;
  for (const auto& [key, value] : from) to.emplace(Text(key), utf8::Repaired(value, kMostAnnotation));
  return to;
}
template <class ProtoMap>
void ToMap(const Labels& from, ProtoMap* to) {
  for (const auto& [key, value] : from) (*to)[key] = value;
}
template <class Repeated>
void ToList(const std::vector<std::string>& from, Repeated* to) {
  for (const std::string& item : from) *to->Add() = item;
}

pb::NamespaceMode ToMode(NamespaceMode mode) {
  switch (mode) {
    case NamespaceMode::kPod:
      return pb::POD;
    case NamespaceMode::kContainer:
      return pb::CONTAINER;
    case NamespaceMode::kNode:
      return pb::NODE;
    case NamespaceMode::kTarget:
      return pb::TARGET;
  }
  return pb::POD;
}

void ToProto(const NamespaceOptions& from, pb::NamespaceOption* to) {
  to->set_network(ToMode(from.network));
  to->set_pid(ToMode(from.pid));
  to->set_ipc(ToMode(from.ipc));
  to->set_target_id(from.target_id);
}

void ToProto(const SecurityProfile& from, pb::SecurityProfile* to) {
  to->set_profile_type(from.type == SecurityProfile::Type::kRuntimeDefault ? pb::SecurityProfile::RuntimeDefault
                       : from.type == SecurityProfile::Type::kUnconfined   ? pb::SecurityProfile::Unconfined
                                                                           : pb::SecurityProfile::Localhost);
  to->set_localhost_ref(from.localhost_ref);
}

void ToProto(const ContainerSecurity& from, pb::LinuxContainerSecurityContext* to) {
  ToList(from.add_capabilities, to->mutable_capabilities()->mutable_add_capabilities());
  ToList(from.drop_capabilities, to->mutable_capabilities()->mutable_drop_capabilities());
  to->set_privileged(from.privileged);
  ToProto(from.namespaces, to->mutable_namespace_options());
  if (from.run_as_user) to->mutable_run_as_user()->set_value(*from.run_as_user);
  if (from.run_as_group) to->mutable_run_as_group()->set_value(*from.run_as_group);
  to->set_run_as_username(from.run_as_username);
  to->set_readonly_rootfs(from.read_only_root_filesystem);
  for (int64_t group : from.supplemental_groups) to->add_supplemental_groups(group);
  to->set_no_new_privs(from.no_new_privileges);
  ToList(from.masked_paths, to->mutable_masked_paths());
  ToList(from.read_only_paths, to->mutable_readonly_paths());
  ToProto(from.seccomp, to->mutable_seccomp());
}

ContainerState FromState(pb::ContainerState state) {
  switch (state) {
    case pb::CONTAINER_CREATED:
      return ContainerState::kCreated;
    case pb::CONTAINER_RUNNING:
      return ContainerState::kRunning;
    case pb::CONTAINER_EXITED:
      return ContainerState::kExited;
    default:
      return ContainerState::kUnknown;
  }
}

// What an entry of a list and a status have in common.
template <class Message>
Sandbox FromSandbox(const Message& from) {
  Sandbox to;
  to.id = Text(from.id());
  to.name = Text(from.metadata().name());
  to.uid = Text(from.metadata().uid());
  to.namespace_ = Text(from.metadata().namespace_());
  to.attempt = from.metadata().attempt();
  to.state = from.state() == pb::SANDBOX_READY ? SandboxState::kReady : SandboxState::kNotReady;
  to.created_at = FromNanos(from.created_at());
  to.labels = FromMap(from.labels());
  return to;
}
template <class Message>
Container FromContainer(const Message& from) {
  Container to;
  to.id = Text(from.id());
  to.name = Text(from.metadata().name());
  to.attempt = from.metadata().attempt();
  to.state = FromState(from.state());
  to.image = Text(from.image().image());
  to.image_ref = Text(from.image_ref());
  to.created_at = FromNanos(from.created_at());
  to.labels = FromMap(from.labels());
  to.annotations = FromMap(from.annotations());
  return to;
}

}  // namespace

void ToProto(const SandboxConfig& from, pb::PodSandboxConfig* to) {
  to->mutable_metadata()->set_name(from.name);
  to->mutable_metadata()->set_uid(from.uid);
  to->mutable_metadata()->set_namespace_(from.namespace_);
  to->mutable_metadata()->set_attempt(from.attempt);
  to->set_hostname(from.hostname);
  to->set_log_directory(from.log_directory);
  if (from.dns) {
    ToList(from.dns->servers, to->mutable_dns_config()->mutable_servers());
    ToList(from.dns->searches, to->mutable_dns_config()->mutable_searches());
    ToList(from.dns->options, to->mutable_dns_config()->mutable_options());
  }
  for (const PortMapping& port : from.port_mappings) {
    pb::PortMapping* mapping = to->add_port_mappings();
    mapping->set_protocol(static_cast<pb::Protocol>(port.protocol));
    mapping->set_container_port(port.container_port);
    mapping->set_host_port(port.host_port);
    mapping->set_host_ip(port.host_ip);
  }
  ToMap(from.labels, to->mutable_labels());
  ToMap(from.annotations, to->mutable_annotations());
  pb::LinuxPodSandboxConfig* linux_config = to->mutable_linux();
  linux_config->set_cgroup_parent(from.cgroup_parent);
  ToMap(from.sysctls, linux_config->mutable_sysctls());
  pb::LinuxSandboxSecurityContext* security = linux_config->mutable_security_context();
  ToProto(from.namespaces, security->mutable_namespace_options());
  if (from.run_as_user) security->mutable_run_as_user()->set_value(*from.run_as_user);
  if (from.run_as_group) security->mutable_run_as_group()->set_value(*from.run_as_group);
  for (int64_t group : from.supplemental_groups) security->add_supplemental_groups(group);
  security->set_privileged(from.privileged);
  ToProto(from.seccomp, security->mutable_seccomp());
}

void ToProto(const ContainerResources& from, pb::LinuxContainerResources* to) {
  to->set_cpu_period(from.cpu_period_microseconds);
  to->set_cpu_quota(from.cpu_quota_microseconds);
  to->set_cpu_shares(from.cpu_shares);
  to->set_memory_limit_in_bytes(from.memory_limit_bytes);
  to->set_oom_score_adj(from.oom_score_adj);
}

void ToProto(const ContainerConfig& from, pb::ContainerConfig* to) {
  to->mutable_metadata()->set_name(from.name);
  to->mutable_metadata()->set_attempt(from.attempt);
  to->mutable_image()->set_image(from.image);
  ToList(from.command, to->mutable_command());
  ToList(from.args, to->mutable_args());
  to->set_working_dir(from.working_dir);
  for (const auto& [key, value] : from.env) {
    pb::KeyValue* entry = to->add_envs();
    entry->set_key(key);
    entry->set_value(value);
  }
  for (const Mount& mount : from.mounts) {
    pb::Mount* out = to->add_mounts();
    out->set_container_path(mount.container_path);
    out->set_host_path(mount.host_path);
    out->set_readonly(mount.read_only);
    out->set_propagation(static_cast<pb::MountPropagation>(mount.propagation));
  }
  ToMap(from.labels, to->mutable_labels());
  ToMap(from.annotations, to->mutable_annotations());
  to->set_log_path(from.log_path);
  to->set_stdin(from.stdin_open);
  to->set_stdin_once(from.stdin_once);
  to->set_tty(from.tty);
  ToProto(from.resources, to->mutable_linux()->mutable_resources());
  ToProto(from.security, to->mutable_linux()->mutable_security_context());
}

void ToProto(const Auth& from, pb::AuthConfig* to) {
  to->set_username(from.username);
  to->set_password(from.password);
  to->set_auth(from.auth);
  to->set_server_address(from.server_address);
  to->set_identity_token(from.identity_token);
  to->set_registry_token(from.registry_token);
}

Sandbox FromProto(const pb::PodSandbox& from) {
  return FromSandbox(from);
}

Sandbox FromProto(const pb::PodSandboxStatus& from) {
  Sandbox to = FromSandbox(from);
  if (!from.network().ip().empty()) to.ips.push_back(Text(from.network().ip()));
  for (const pb::PodIP& ip : from.network().additional_ips()) to.ips.push_back(Text(ip.ip()));
  return to;
}

Container FromProto(const pb::Container& from) {
  Container to = FromContainer(from);
  to.sandbox_id = Text(from.pod_sandbox_id());
  return to;
}

Container FromProto(const pb::ContainerStatus& from) {
  Container to = FromContainer(from);
  to.started_at = FromNanos(from.started_at());
  to.finished_at = FromNanos(from.finished_at());
  to.exit_code = from.exit_code();
  to.reason = Text(from.reason());
  to.message = Text(from.message());
  to.log_path = Text(from.log_path());
  return to;
}

Image FromProto(const pb::Image& from) {
  Image to;
  to.id = Text(from.id());
  for (const std::string& tag : from.repo_tags()) to.tags.push_back(Text(tag));
  for (const std::string& digest : from.repo_digests()) to.digests.push_back(Text(digest));
  to.size_bytes = from.size();
  if (from.has_uid()) to.uid = from.uid().value();
  to.username = Text(from.username());
  return to;
}

ContainerStats FromProto(const pb::ContainerStats& from) {
  ContainerStats to;
  to.id = Text(from.attributes().id());
  to.name = Text(from.attributes().metadata().name());
  to.labels = FromMap(from.attributes().labels());
  to.cpu_time = FromNanos(from.cpu().timestamp());
  to.memory_time = FromNanos(from.memory().timestamp());
  to.cpu_nanoseconds = from.cpu().usage_core_nano_seconds().value();
  to.memory_working_set_bytes = from.memory().working_set_bytes().value();
  to.writable_layer_bytes = from.writable_layer().used_bytes().value();
  return to;
}

}  // namespace sampan::cri
