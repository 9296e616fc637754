// The live objects that authentication and authorization ask for: whether a token's pod still exists, what a node's pods
// use.
#pragma once

#include <memory>
#include <string_view>

#include "api/object.h"
#include "store/cache.h"

namespace sampan::apiserver::auth {

// Thread-safe.
class Lookup {
 public:
  virtual ~Lookup() = default;
  // An object of the core group, null when absent: Get("pods", "default", "web").
  virtual api::ObjectPtr Get(std::string_view resource, std::string_view namespace_, std::string_view name) const = 0;
  virtual store::ObjectView PodsOnNode(std::string_view node) const = 0;
};

// From the server's caches, which outlive it; a resource without a cache has no objects.
std::unique_ptr<Lookup> NewCacheLookup(const store::CacheSet& caches);

}  // namespace sampan::apiserver::auth
