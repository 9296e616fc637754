#include "apiserver/admission/mountable_secrets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sampan::apiserver {

namespace {

using api::core::PodSpec;
using api::core::ServiceAccount;

template <class References>
bool Lists(const References& references, std::string_view name) {
  return std::ranges::any_of(references, [&](const auto& reference) { return reference.name == name; });
}

std::string Refusal(std::string_view what, std::string_view secret, const ServiceAccount& account) {
  return fmt::format(
      "{} referencing secret.secretName=\"{}\" is not allowed because service account {} does not reference that secret",
      what, secret, account.metadata.name);
}

// `sort` is how messages call the containers of the list.
template <class Containers>
std::string ContainerRefusal(std::string_view sort, const Containers& containers, const ServiceAccount& account) {
  for (const auto& container : containers) {
    for (const auto& variable : container.env) {
      if (!variable.value_from || !variable.value_from->secret_key_ref) continue;
      const std::string& secret = variable.value_from->secret_key_ref->name;
      if (Lists(account.secrets, secret)) continue;
      return Refusal(fmt::format("{} {} with envVar {}", sort, container.name, variable.name), secret, account);
    }
    for (const auto& source : container.env_from) {
      if (!source.secret_ref || Lists(account.secrets, source.secret_ref->name)) continue;
      return Refusal(fmt::format("{} {} with envFrom", sort, container.name), source.secret_ref->name, account);
    }
  }
  return {};
}

std::string VolumeRefusal(const PodSpec& spec, const ServiceAccount& account) {
  for (const auto& volume : spec.volumes) {
    if (!volume.secret || Lists(account.secrets, volume.secret->secret_name)) continue;
    return fmt::format(
        "volume with secret.secretName=\"{}\" is not allowed because service account {} does not reference that secret",
        volume.secret->secret_name, account.metadata.name);
  }
  return {};
}

std::string PullRefusal(const PodSpec& spec, const ServiceAccount& account) {
  for (size_t i = 0; i < spec.image_pull_secrets.size(); ++i) {
    const std::string& secret = spec.image_pull_secrets[i].name;
    if (Lists(account.image_pull_secrets, secret)) continue;
    return fmt::format(
        "imagePullSecrets[{}].name=\"{}\" is not allowed because service account {} does not reference that "
        "imagePullSecret",
        i, secret, account.metadata.name);
  }
  return {};
}

}  // namespace

bool LimitsSecrets(const ServiceAccount& account) {
  constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  const std::string* wish = api::FindIn(account.metadata.annotations, "kubernetes.io/enforce-mountable-secrets");
  return wish != nullptr && std::ranges::find(kTrue, *wish) != kTrue.end();
}

std::string SecretRefusal(const ServiceAccount& account, const PodSpec& spec) {
  std::string why = VolumeRefusal(spec, account);
  if (why.empty()) why = ContainerRefusal("init container", spec.init_containers, account);
  if (why.empty()) why = ContainerRefusal("container", spec.containers, account);
  return why.empty() ? PullRefusal(spec, account) : why;
}

std::string EphemeralSecretRefusal(const ServiceAccount& account, const PodSpec& spec) {
  return ContainerRefusal("ephemeral container", spec.ephemeral_containers, account);
}

}  // namespace sampan::apiserver
