#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

constexpr std::string_view kOneSource = "may not have more than one field specified at a time";

size_t CountPresent(const View& object, std::initializer_list<std::string_view> fields) {
  size_t count = 0;
  for (std::string_view field : fields) count += object[field].Present() ? 1 : 0;
  return count;
}

void KeyRef(const View& ref, Causes& causes) {
  if (!ref.Present()) return;
  View name = ref["name"];
  if (auto fault = names::Dns1123Subdomain(name.Str())) causes.Invalid(name.path(), name.Str(), *fault);
  RequireName(ref["key"], names::ConfigKey, causes);
}

void ValueFrom(const View& variable, Causes& causes) {
  View from = variable["valueFrom"];
  if (!from.Present()) return;
  size_t sources = CountPresent(from, {"fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"});
  if (View ref = from["fieldRef"]; ref.Present()) FieldRef(ref, RefPlace::kEnvironment, causes);
  if (View ref = from["resourceFieldRef"]; ref.Present()) ResourceFieldRef(ref, RefPlace::kEnvironment, causes);
  KeyRef(from["configMapKeyRef"], causes);
  KeyRef(from["secretKeyRef"], causes);
  if (sources == 0) {
    causes.Invalid(from.path(), "",
                   "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`");
  } else if (!variable["value"].Empty()) {
    causes.Invalid(from.path(), "", "may not be specified when `value` is not empty");
  } else if (sources > 1) {
    causes.Invalid(from.path(), "", kOneSource);
  }
}

// metadata.labels['key'] or metadata.annotations['key']; false when the path has no subscript.
bool Subscripted(const View& path, Causes& causes) {
  std::string_view text = path.Str();
  size_t open = text.find("['");
  if (open == std::string_view::npos || !text.ends_with("']")) return false;
  std::string_view field = text.substr(0, open);
  std::string_view key = text.substr(open + 2, text.size() - open - 4);
  if (field == "metadata.labels" || field == "metadata.annotations") {
    if (auto fault = names::QualifiedName(key)) causes.Invalid(path.path(), key, *fault);
  } else {
    causes.Invalid(path.path(), text, fmt::format("field label does not support subscript"));
  }
  return true;
}

}  // namespace

void FieldRef(const View& ref, RefPlace place, Causes& causes) {
  View version = ref["apiVersion"];
  if (version.Empty()) causes.Required(version.path());
  View path = ref["fieldPath"];
  if (path.Empty()) return causes.Required(path.path());
  if (Subscripted(path, causes)) return;
  static constexpr std::string_view kKnown[] = {"metadata.annotations", "metadata.labels",    "metadata.name",
                                                "metadata.namespace",   "metadata.uid",       "spec.nodeName",
                                                "spec.restartPolicy",   "spec.schedulerName", "spec.serviceAccountName",
                                                "status.hostIP",        "status.hostIPs",     "status.phase",
                                                "status.podIP",         "status.podIPs"};
  if (std::ranges::find(kKnown, path.Str()) == std::end(kKnown)) {
    return causes.Invalid(path.path(), path.Str(),
                          fmt::format("error converting fieldPath: field label not supported: {}", path.Str()));
  }
  if (place == RefPlace::kVolume) {
    return OneOf(path, {"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"},
                 causes);
  }
  OneOf(path,
        {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
         "status.hostIPs", "status.podIP", "status.podIPs"},
        causes);
}

void ResourceFieldRef(const View& ref, RefPlace place, Causes& causes) {
  View container = ref["containerName"];
  if (place == RefPlace::kVolume && container.Empty()) causes.Required(container.path());
  View resource = ref["resource"];
  std::string_view name = resource.Str();
  if (name.starts_with("limits.hugepages-") || name.starts_with("requests.hugepages-")) return;
  RequireOneOf(resource,
               {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage",
                "requests.memory"},
               causes);
}

void Environment(const View& container, Causes& causes) {
  View env = container["env"];
  env.ForEach([&](const View& variable) {
    RequireName(variable["name"], names::EnvVar, causes);
    ValueFrom(variable, causes);
  });
  View from = container["envFrom"];
  from.ForEach([&](const View& source) {
    CheckName(source["prefix"], names::EnvVar, causes);
    size_t sources = CountPresent(source, {"configMapRef", "secretRef"});
    for (std::string_view field : {"configMapRef", "secretRef"}) {
      View ref = source[field];
      if (!ref.Present()) continue;
      View name = ref["name"];
      if (auto fault = names::Dns1123Subdomain(name.Str())) causes.Invalid(name.path(), name.Str(), *fault);
    }
    if (sources == 0) causes.Invalid(from.path(), "", "must specify one of: `configMapRef` or `secretRef`");
    if (sources > 1) causes.Invalid(from.path(), "", kOneSource);
  });
}

}  // namespace sampan::api::rules
