// Which objects a node may use: those that the pods bound to it name. The edges are read from the pods' cache when they are
// asked for, and kept for the pods that have not changed since, so that an answer is neither late nor costs more than a look
// at each of the node's pods. A mirror pod opens nothing, for its node has made it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/auth/lookup.h"
#include "base/guarded.h"

namespace sampan::apiserver::auth {

// Thread-safe.
class NodeGraph {
 public:
  // `lookup` is borrowed and outlives it.
  explicit NodeGraph(const Lookup& lookup) : lookup_(lookup) {}

  // Of secrets, configmaps, persistentvolumeclaims and serviceaccounts. Volumes and what they name are not served yet: they
  // belong to no node.
  bool Uses(std::string_view node, std::string_view resource, std::string_view namespace_, std::string_view name) const;
  // The pod exists and is bound to the node.
  bool Runs(std::string_view node, std::string_view namespace_, std::string_view pod) const;

 private:
  struct Edges {
    struct OfPod {
      api::ObjectPtr pod;
      std::vector<std::string> keys;
    };
    std::vector<OfPod> pods;  // ordered as the cache orders them
    std::unordered_map<std::string, size_t> uses;

    void Follow(const store::ObjectView& view);
    void Add(OfPod& pod);
    void Drop(const OfPod& pod);
  };
  std::shared_ptr<Guarded<Edges>> EdgesOf(std::string_view node) const;

  const Lookup& lookup_;
  mutable Guarded<std::map<std::string, std::shared_ptr<Guarded<Edges>>, std::less<>>> nodes_;
};

}  // namespace sampan::apiserver::auth
