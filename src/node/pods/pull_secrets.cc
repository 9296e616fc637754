#include "node/pods/pull_secrets.h"

#include <algorithm>

#include "codec/base64.h"
#include "codec/json.h"

namespace sampan::node {
namespace {

std::string_view WithoutScheme(std::string_view url) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (url.starts_with(scheme)) url.remove_prefix(scheme.size());
  }
  while (url.ends_with('/')) url.remove_suffix(1);
  return url;
}

bool IsDockerHub(std::string_view host) {
  return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io";
}

// "*.example.org" fits one label.
bool HostFits(std::string_view pattern, std::string_view host) {
  if (pattern == host || (IsDockerHub(pattern) && IsDockerHub(host))) return true;
  if (!pattern.starts_with("*.")) return false;
  size_t dot = host.find('.');
  return dot != std::string_view::npos && host.substr(dot) == pattern.substr(1);
}

bool Fits(std::string_view key, std::string_view image) {
  key = WithoutScheme(key);
  size_t slash = key.find('/');
  std::string_view path = slash == std::string_view::npos ? std::string_view() : key.substr(slash + 1);
  std::string_view registry = RegistryOf(image);
  if (!HostFits(key.substr(0, slash), registry)) return false;
  if (path.empty() || path == "v1" || path == "v2") return true;
  std::string_view rest = image.starts_with(registry) ? image.substr(registry.size()) : image;
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return rest.starts_with(path) && (rest.size() == path.size() || rest[path.size()] == '/' || rest[path.size()] == ':');
}

cri::Auth AuthOf(const json::Value& entry, std::string_view key) {
  cri::Auth auth;
  auth.username = json::FindString(json::Find(entry, "username"));
  auth.password = json::FindString(json::Find(entry, "password"));
  auth.identity_token = json::FindString(json::Find(entry, "identitytoken"));
  auth.registry_token = json::FindString(json::Find(entry, "registrytoken"));
  auth.server_address = WithoutScheme(key);
  auto decoded = base64::Decode(json::FindString(json::Find(entry, "auth")));
  if (auth.username.empty() && decoded) {
    size_t colon = decoded->find(':');
    if (colon != std::string::npos) {
      auth.username = decoded->substr(0, colon);
      auth.password = decoded->substr(colon + 1);
    }
  }
  return auth;
}

}  // namespace

std::string_view RegistryOf(std::string_view image) {
  size_t slash = image.find('/');
  std::string_view first = image.substr(0, slash);
  bool host = slash != std::string_view::npos && (first.find('.') != std::string_view::npos ||
                                                  first.find(':') != std::string_view::npos || first == "localhost");
  return host ? first : "docker.io";
}

std::vector<cri::Auth> CredentialsFor(const api::core::Secret& secret, std::string_view image) {
  const std::string* text = secret.data.Find(".dockerconfigjson");
  const bool wrapped = text != nullptr;
  if (text == nullptr) text = secret.data.Find(".dockercfg");
  if (text == nullptr) return {};
  auto parsed = json::Parse(*text);
  if (!parsed) return {};
  const json::Value* auths = wrapped ? json::Find(*parsed, "auths") : &*parsed;
  if (auths == nullptr || !auths->is_object()) return {};
  std::vector<std::pair<size_t, cri::Auth>> found;
  for (const auto& [key, entry] : auths->get_object()) {
    if (Fits(key, image)) found.emplace_back(std::string_view(key).size(), AuthOf(entry, key));
  }
  std::ranges::stable_sort(found, std::greater<>(), [](const auto& item) { return item.first; });
  std::vector<cri::Auth> out;
  for (auto& [length, auth] : found) out.push_back(std::move(auth));
  return out;
}

}  // namespace sampan::node
