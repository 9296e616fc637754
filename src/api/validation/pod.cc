#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

constexpr int64_t kMaxId = 2147483647;  // of users and groups

void UserIds(const View& context, Causes& causes) {
  InRange(context["runAsUser"], 0, kMaxId, causes);
  InRange(context["runAsGroup"], 0, kMaxId, causes);
}

void Seccomp(const View& profile, Causes& causes) {
  if (!profile.Present()) return;
  View type = profile["type"];
  RequireOneOf(type, {"Localhost", "RuntimeDefault", "Unconfined"}, causes);
  View local = profile["localhostProfile"];
  if (type.Str() == "Localhost") {
    if (local.Empty()) causes.Required(local.path(), "must be set when seccomp type is Localhost");
  } else if (local.Present()) {
    causes.Invalid(local.path(), local.Value(), "can only be set when seccomp type is Localhost");
  }
}

// Lower-case letters and digits in segments with '-' and '_' inside, joined by '.' or '/'.
bool IsSysctlName(std::string_view name) {
  auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool edge = true;  // at the beginning of a segment
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool separator = c == '.' || c == '/';
    if (!alphanumeric(c) && (edge || (!separator && c != '-' && c != '_'))) return false;
    if (separator && !alphanumeric(name[i - 1])) return false;
    edge = separator;
  }
  return !name.empty() && name.size() <= 253 && alphanumeric(name.back());
}

void Sysctls(const View& sysctls, Causes& causes) {
  std::set<std::string_view> seen;
  sysctls.ForEach([&](const View& sysctl) {
    View name = sysctl["name"];
    if (name.Empty()) {
      causes.Required(name.path());
    } else if (!IsSysctlName(name.Str())) {
      causes.Invalid(name.path(), name.Str(),
                     "must have at most 253 characters and match regex "
                     "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
    } else if (!seen.insert(name.Str()).second) {
      causes.Duplicate(name.path(), name.Str());
    }
  });
}

void PodSecurity(const View& spec, Causes& causes) {
  View context = spec["securityContext"];
  UserIds(context, causes);
  InRange(context["fsGroup"], 0, kMaxId, causes);
  View groups = context["supplementalGroups"];
  groups.ForEach([&](const View& group) { InRange(group, 0, kMaxId, causes); });
  Sysctls(context["sysctls"], causes);
  OneOf(context["fsGroupChangePolicy"], {"Always", "OnRootMismatch"}, causes);
  Seccomp(context["seccompProfile"], causes);
  View share = spec["shareProcessNamespace"];
  if (share.True() && spec["hostPID"].True()) {
    causes.Invalid(share.path(), true, "ShareProcessNamespace and HostPID cannot both be enabled");
  }
}

void Dns(const View& spec, Causes& causes) {
  View policy = spec["dnsPolicy"];
  RequireOneOf(policy, {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"}, causes);
  View config = spec["dnsConfig"];
  View servers = config["nameservers"];
  if (policy.Str() == "None") {
    if (!config.Present()) {
      causes.Required(config.path(), "must provide `dnsConfig` when `dnsPolicy` is None");
    } else if (servers.Empty()) {
      causes.Required(servers.path(), "must provide at least one DNS nameserver when `dnsPolicy` is None");
    }
  }
  if (servers.Size() > 3) causes.Invalid(servers.path(), servers.Value(), "must not have more than 3 nameservers");
  servers.ForEach([&](const View& server) { CheckName(server, names::IpAddress, causes); });
  View searches = config["searches"];
  if (searches.Size() > 32) causes.Invalid(searches.path(), searches.Value(), "must not have more than 32 search paths");
  View options = config["options"];
  options.ForEach([&](const View& option) {
    View name = option["name"];
    if (name.Empty()) causes.Required(name.path(), "must not be empty");
  });
}

void HostAliases(const View& aliases, Causes& causes) {
  aliases.ForEach([&](const View& alias) {
    View ip = alias["ip"];
    if (auto fault = names::IpAddress(ip.Str())) causes.Invalid(ip.path(), ip.Str(), *fault);
    View hostnames = alias["hostnames"];
    hostnames.ForEach([&](const View& name) { CheckName(name, names::Dns1123Subdomain, causes); });
  });
}

void Gates(const View& spec, Causes& causes) {
  View gates = spec["schedulingGates"];
  std::set<std::string_view> seen;
  gates.ForEach([&](const View& gate) {
    View name = gate["name"];
    CheckLabelKey(name, causes);
    if (!seen.insert(name.Str()).second) causes.Duplicate(gate.path(), name.Str());
  });
  View readiness = spec["readinessGates"];
  readiness.ForEach([&](const View& gate) { CheckLabelKey(gate["conditionType"], causes); });
  View node = spec["nodeName"];
  if (!gates.Empty() && !node.Empty()) {
    causes.Forbidden(node.path(), "cannot be set until all schedulingGates have been cleared");
  }
}

}  // namespace

void PodSpec(const View& spec, Causes& causes) {
  Volumes(spec["volumes"], causes);
  Containers(spec, causes);
  RequireOneOf(spec["restartPolicy"], {"Always", "Never", "OnFailure"}, causes);
  Dns(spec, causes);
  CheckLabels(spec["nodeSelector"], causes);
  PodSecurity(spec, causes);
  View secrets = spec["imagePullSecrets"];
  secrets.ForEach([&](const View& secret) {
    View name = secret["name"];
    if (name.Empty()) causes.Required(name.path());
  });
  Affinity(spec["affinity"], causes);
  SpreadConstraints(spec["topologySpreadConstraints"], causes);
  Tolerations(spec["tolerations"], causes);
  HostAliases(spec["hostAliases"], causes);
  Gates(spec, causes);
  for (std::string_view field : {"serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"}) {
    CheckName(spec[field], names::Dns1123Subdomain, causes);
  }
  for (std::string_view field : {"hostname", "subdomain"}) CheckName(spec[field], names::Dns1123Label, causes);
  InRange(spec["activeDeadlineSeconds"], 1, INT32_MAX, causes);
  OneOf(spec["preemptionPolicy"], {"Never", "PreemptLowerPriority"}, causes);
}

void Pod(const View& object, Causes& causes) {
  View spec = object["spec"];
  PodSpec(spec, causes);
}

void PodTemplate(const View& pod_template, Causes& causes) {
  View meta = pod_template["metadata"];
  CheckLabels(meta["labels"], causes);
  CheckAnnotations(meta["annotations"], causes);
  View spec = pod_template["spec"];
  PodSpec(spec, causes);
  View ephemeral = spec["ephemeralContainers"];
  if (!ephemeral.Empty()) causes.Forbidden(ephemeral.path(), "ephemeral containers not allowed in pod template");
}

}  // namespace sampan::api::rules
