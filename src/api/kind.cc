#include "api/kind.h"

#include <algorithm>
#include <tuple>

#include "api/kind_tables.h"

namespace sampan::api {
namespace {

// Built once, constant ever after.
struct Registry {
  std::vector<KindInfo> served = ServedKindTable();
  std::vector<KindInfo> bodies = BodyKindTable();
  std::vector<const KindInfo*> builtin;
  std::vector<const KindInfo*> by_kind;      // served and bodies
  std::vector<const KindInfo*> by_resource;  // served

  Registry() {
    for (const KindInfo& kind : served) builtin.push_back(&kind);
    by_resource = by_kind = builtin;
    for (const KindInfo& kind : bodies) by_kind.push_back(&kind);
    std::sort(by_kind.begin(), by_kind.end(), [](auto* a, auto* b) { return KindKey(*a) < KindKey(*b); });
    std::sort(by_resource.begin(), by_resource.end(), [](auto* a, auto* b) { return ResourceKey(*a) < ResourceKey(*b); });
  }

  using Key = std::tuple<std::string_view, std::string_view, std::string_view>;
  static Key KindKey(const KindInfo& kind) { return {kind.kind, kind.group, kind.version}; }
  static Key ResourceKey(const KindInfo& kind) { return {kind.resource, kind.group, kind.version}; }

  template <class Projection>
  static const KindInfo* Find(const std::vector<const KindInfo*>& sorted, const Key& key, Projection projection) {
    auto at = std::lower_bound(sorted.begin(), sorted.end(), key,
                               [&](const KindInfo* kind, const Key& wanted) { return projection(*kind) < wanted; });
    return at == sorted.end() || projection(**at) != key ? nullptr : *at;
  }
};

const Registry& TheRegistry() {
  static const Registry registry;
  return registry;
}

}  // namespace

std::span<const KindInfo* const> BuiltinKinds() {
  return TheRegistry().builtin;
}

const KindInfo* FindKind(std::string_view api_version, std::string_view kind) {
  size_t slash = api_version.find('/');
  std::string_view group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
  std::string_view version = slash == std::string_view::npos ? api_version : api_version.substr(slash + 1);
  return Registry::Find(TheRegistry().by_kind, {kind, group, version}, &Registry::KindKey);
}

const KindInfo* FindResource(std::string_view group, std::string_view version, std::string_view resource) {
  return Registry::Find(TheRegistry().by_resource, {resource, group, version}, &Registry::ResourceKey);
}

}  // namespace sampan::api
