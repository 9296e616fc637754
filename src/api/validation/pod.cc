#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

// As a subdomain, but labels may have underscores and a dot may end it.
void SearchDomain(const View& search, Causes& causes) {
  std::string_view text = search.Str();
  if (text.ends_with('.') && text.size() > 1) text.remove_suffix(1);
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool shaped = !text.empty() && letter(text.front()) && letter(text.back()) && text.find("..") == std::string_view::npos &&
                std::ranges::all_of(text, [&](char c) { return letter(c) || c == '-' || c == '_' || c == '.'; });
  if (shaped || search.Str() == ".") return;
  causes.Invalid(search.path(), search.Str(),
                 "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and "
                 "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
                 "'[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')");
}

// What can only be set on pods of one system.
void System(const View& spec, Causes& causes) {
  View os = spec["os"];
  if (!os.Present()) return;
  View name = os["name"];
  if (name.Empty()) return causes.Required(name.path());
  if (name.Str() != "linux" && name.Str() != "windows") {
    return causes.NotSupported(os.path(), name.Str(), {"linux", "windows"});
  }
  if (name.Str() != "windows") return;
  for (std::string_view field : {"hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"}) {
    View value = spec[field];
    if (value.True()) causes.Forbidden(value.path(), "cannot be set for a windows pod");
  }
}

// A user namespace of its own does not go with the host's other namespaces.
void UserNamespace(const View& spec, Causes& causes) {
  View own = spec["hostUsers"];
  if (!own.Present() || own.True()) return;
  for (std::string_view field : {"hostNetwork", "hostPID", "hostIPC"}) {
    View value = spec[field];
    if (value.True()) causes.Forbidden(value.path(), "when `hostUsers` is false");
  }
}

void Dns(const View& spec, Causes& causes) {
  View policy = spec["dnsPolicy"];
  RequireOneOf(policy, {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"}, causes);
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
  searches.ForEach([&](const View& search) { SearchDomain(search, causes); });
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
    if (auto fault = names::QualifiedName(name.Str())) causes.Invalid(gate.path(), name.Str(), *fault);
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
  RequireOneOf(spec["restartPolicy"], {"Always", "OnFailure", "Never"}, causes);
  Dns(spec, causes);
  CheckLabels(spec["nodeSelector"], causes);
  PodSecurity(spec, causes);
  Affinity(spec["affinity"], causes);
  SpreadConstraints(spec["topologySpreadConstraints"], causes);
  Tolerations(spec["tolerations"], causes);
  HostAliases(spec["hostAliases"], causes);
  Gates(spec, causes);
  for (std::string_view field : {"serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"}) {
    CheckName(spec[field], names::Dns1123Subdomain, causes);
  }
  for (std::string_view field : {"hostname", "subdomain"}) CheckName(spec[field], names::Dns1123Label, causes);
  System(spec, causes);
  UserNamespace(spec, causes);
  InRange(spec["activeDeadlineSeconds"], 1, INT32_MAX, causes);
  OneOf(spec["preemptionPolicy"], {"Never", "PreemptLowerPriority"}, causes);
}

void Pod(const View& object, Causes& causes) {
  View spec = object["spec"];
  PodSpec(spec, causes);
  View meta = object["metadata"];
  View annotations = meta["annotations"];
  View mirror = annotations.Key("kubernetes.io/config.mirror");
  if (mirror.Present() && spec["nodeName"].Empty()) {
    causes.Invalid(mirror.path(), mirror.Str(), "must set spec.nodeName if mirror pod annotation is set");
  }
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
