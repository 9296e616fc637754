#include "store/keys.h"

#include <algorithm>

namespace sampan::store::keys {
namespace {

constexpr std::string_view kRoot = "/registry/";

}  // namespace

std::string ResourcePrefix(std::string_view group, std::string_view resource) {
  std::string prefix;
  prefix.reserve(kRoot.size() + group.size() + resource.size() + 2);
  prefix.append(kRoot);
  if (!group.empty()) prefix.append(group).push_back('/');
  prefix.append(resource).push_back('/');
  return prefix;
}

std::string NamespacePrefix(std::string_view group, std::string_view resource, std::string_view namespace_) {
  std::string prefix = ResourcePrefix(group, resource);
  prefix.append(namespace_).push_back('/');
  return prefix;
}

std::string ObjectKey(std::string_view group, std::string_view resource, std::string_view namespace_,
                      std::string_view name) {
  std::string key = ResourcePrefix(group, resource);
  if (!namespace_.empty()) key.append(namespace_).push_back('/');
  key.append(name);
  return key;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

std::optional<ObjectId> ParseObject(std::string_view key, std::string_view resource_prefix) {
  if (!key.starts_with(resource_prefix)) return std::nullopt;
  std::string_view rest = key.substr(resource_prefix.size());
  ObjectId id;
  size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    id.namespace_ = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    if (id.namespace_.empty()) return std::nullopt;
  }
  if (rest.empty() || rest.find('/') != std::string_view::npos) return std::nullopt;
  id.name = rest;
  return id;
}

int Compare(const ObjectId& a, const ObjectId& b) {
  if (a.namespace_ == b.namespace_) return a.name.compare(b.name);
  // The bytes that follow a shorter namespace are '/' and the name; no namespace contains '/', so the first difference
  // is found at the latest there.
  size_t common = std::min(a.namespace_.size(), b.namespace_.size());
  if (int order = a.namespace_.substr(0, common).compare(b.namespace_.substr(0, common)); order != 0) return order;
  auto next = [common](const ObjectId& id) -> unsigned char {
    return common < id.namespace_.size() ? static_cast<unsigned char>(id.namespace_[common]) : '/';
  };
  return static_cast<int>(next(a)) - static_cast<int>(next(b));
}

}  // namespace sampan::store::keys
