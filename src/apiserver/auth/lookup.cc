#include "apiserver/auth/lookup.h"

#include <algorithm>

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kNodeField = "spec.nodeName";

class CacheLookup final : public Lookup {
 public:
  explicit CacheLookup(const store::CacheSet& caches) : caches_(caches) {}

  api::ObjectPtr Get(std::string_view resource, std::string_view namespace_, std::string_view name) const override {
    std::shared_ptr<store::Cache> cache = caches_.Find("", resource);
    return cache ? cache->Get(namespace_, name) : nullptr;
  }

  store::ObjectView PodsOnNode(std::string_view node) const override {
    std::shared_ptr<store::Cache> cache = caches_.Find("", "pods");
    if (!cache) return {};
    const std::vector<std::string>& indexed = cache->options().indexed_fields;
    if (std::ranges::find(indexed, kNodeField) == indexed.end()) return {};
    return cache->List({.field = std::string(kNodeField), .value = std::string(node)}).items;
  }

 private:
  const store::CacheSet& caches_;
};

}  // namespace

std::unique_ptr<Lookup> NewCacheLookup(const store::CacheSet& caches) {
  return std::make_unique<CacheLookup>(caches);
}

}  // namespace sampan::apiserver::auth
