#include "node/pods/environment.h"

#include <algorithm>

#include <fmt/format.h>

#include "node/pods/expand.h"

namespace sampan::node {
namespace {

using namespace api::core;

// Ordered as first set, values replaced.
class EnvBuilder {
 public:
  Result<void> Set(std::string name, std::string value) {
    auto [place, added] = index_.try_emplace(name, list_.size());
    if (added) {
      bytes_ += name.size() + value.size();
      list_.emplace_back(std::move(name), std::move(value));
    } else {
      bytes_ += value.size() - list_[place->second].second.size();
      list_[place->second].second = std::move(value);
    }
    if (bytes_ <= kMostEnvironment) return {};
    return Fail(Error::BadRequest("the environment has more than {} bytes", kMostEnvironment));
  }
  std::optional<std::string_view> Find(std::string_view name) const {
    auto found = index_.find(name);
    if (found == index_.end()) return std::nullopt;
    return list_[found->second].second;
  }
  EnvList Take() { return std::move(list_); }

 private:
  EnvList list_;
  size_t bytes_ = 0;
  std::map<std::string, size_t, std::less<>> index_;
};

template <class T>
Result<const T*> Source(const std::map<std::string, client::TypedPtr<T>>& sources, const std::string& name,
                        std::string_view what, bool optional) {
  auto found = sources.find(name);
  if (found != sources.end() && found->second) return &*found->second;
  if (optional) return nullptr;
  return Fail(Error::BadRequest("{} \"{}\" not found", what, name));
}

Result<void> AddAll(EnvBuilder& env, const EnvFromSource& from, const EnvSources& sources) {
  if (from.config_map_ref) {
    TRY(const ConfigMap* map,
        Source(sources.config_maps, from.config_map_ref->name, "configmap", from.config_map_ref->optional.value_or(false)));
    if (map != nullptr) {
      for (const auto& [key, value] : map->data) TRY_VOID(env.Set(from.prefix + key, value));
    }
  }
  if (from.secret_ref) {
    TRY(const Secret* secret,
        Source(sources.secrets, from.secret_ref->name, "secret", from.secret_ref->optional.value_or(false)));
    if (secret != nullptr) {
      for (const auto& [key, value] : secret->data) TRY_VOID(env.Set(from.prefix + key, value));
    }
  }
  return {};
}

// Nothing: the variable is not set.
Result<std::optional<std::string>> Referenced(const EnvVarSource& from, const Container& container,
                                              const FieldContext& context, const EnvSources& sources) {
  std::optional<std::string> nothing;
  if (from.field_ref) {
    TRY(std::string value, FieldValue(context, from.field_ref->field_path));
    return value;
  }
  if (from.resource_field_ref) {
    TRY(std::string value, ResourceValue(context, *from.resource_field_ref, &container));
    return value;
  }
  if (from.config_map_key_ref) {
    const ConfigMapKeySelector& key = *from.config_map_key_ref;
    bool optional = key.optional.value_or(false);
    TRY(const ConfigMap* map, Source(sources.config_maps, key.name, "configmap", optional));
    if (map == nullptr) return nothing;
    if (const std::string* value = map->data.Find(key.key)) return *value;
    if (optional) return nothing;
    return Fail(
        Error::BadRequest("couldn't find key {} in ConfigMap {}/{}", key.key, context.pod.metadata.namespace_, key.name));
  }
  if (from.secret_key_ref) {
    const SecretKeySelector& key = *from.secret_key_ref;
    bool optional = key.optional.value_or(false);
    TRY(const Secret* secret, Source(sources.secrets, key.name, "secret", optional));
    if (secret == nullptr) return nothing;
    if (const std::string* value = secret->data.Find(key.key)) return *value;
    if (optional) return nothing;
    return Fail(
        Error::BadRequest("couldn't find key {} in Secret {}/{}", key.key, context.pod.metadata.namespace_, key.name));
  }
  return nothing;
}

std::string EnvName(std::string_view service) {
  std::string name(service);
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

EnvReferences EnvReferencesOf(const Container& container) {
  EnvReferences references;
  for (const EnvFromSource& from : container.env_from) {
    if (from.config_map_ref) references.config_maps.insert(from.config_map_ref->name);
    if (from.secret_ref) references.secrets.insert(from.secret_ref->name);
  }
  for (const EnvVar& variable : container.env) {
    if (!variable.value_from) continue;
    if (variable.value_from->config_map_key_ref)
      references.config_maps.insert(variable.value_from->config_map_key_ref->name);
    if (variable.value_from->secret_key_ref) references.secrets.insert(variable.value_from->secret_key_ref->name);
  }
  return references;
}

Result<EnvList> BuildEnvironment(const Container& container, const FieldContext& context, const EnvSources& sources) {
  EnvBuilder env;
  for (const auto& [name, value] : sources.services) TRY_VOID(env.Set(name, value));
  for (const EnvFromSource& from : container.env_from) TRY_VOID(AddAll(env, from, sources));
  for (const EnvVar& variable : container.env) {
    if (!variable.value_from) {
      TRY(std::string value, ExpandReferences(variable.value, [&](std::string_view name) { return env.Find(name); }));
      TRY_VOID(env.Set(variable.name, std::move(value)));
      continue;
    }
    TRY(std::optional<std::string> value, Referenced(*variable.value_from, container, context, sources));
    if (value) TRY_VOID(env.Set(variable.name, *std::move(value)));
  }
  return env.Take();
}

EnvList ServiceEnvironment(const std::vector<client::TypedPtr<Service>>& services) {
  EnvList env;
  for (const auto& service : services) {
    const ServiceSpec& spec = service->spec;
    if (spec.cluster_ip.empty() || spec.cluster_ip == "None" || spec.ports.empty()) continue;
    std::string name = EnvName(service->metadata.name);
    env.emplace_back(name + "_SERVICE_HOST", spec.cluster_ip);
    env.emplace_back(name + "_SERVICE_PORT", std::to_string(spec.ports.front().port));
    for (const ServicePort& port : spec.ports) {
      if (!port.name.empty()) env.emplace_back(name + "_SERVICE_PORT_" + EnvName(port.name), std::to_string(port.port));
    }
    for (const ServicePort& port : spec.ports) {
      std::string protocol = port.protocol.empty() ? "TCP" : port.protocol;
      std::string lower = protocol;
      std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
      std::string url = fmt::format("{}://{}:{}", lower, spec.cluster_ip, port.port);
      if (&port == &spec.ports.front()) env.emplace_back(name + "_PORT", url);
      std::string prefix = fmt::format("{}_PORT_{}_{}", name, port.port, protocol);
      env.emplace_back(prefix, url);
      env.emplace_back(prefix + "_PROTO", lower);
      env.emplace_back(prefix + "_PORT", std::to_string(port.port));
      env.emplace_back(prefix + "_ADDR", spec.cluster_ip);
    }
  }
  return env;
}

}  // namespace sampan::node
