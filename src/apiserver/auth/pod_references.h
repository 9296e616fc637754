// The objects that a pod names in its spec and so may use: what opens them to its node, and what a node must not name
// itself. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace sampan::apiserver::auth {

inline constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";

struct PodReference {
  std::string_view resource;  // "secrets"
  std::string name;           // empty: of a kind whose objects the pod uses without a name
  bool operator==(const PodReference&) const = default;
};

// Of a Pod's document, in the order of its spec's fields. The places are found by the schema: every field of a type that
// names objects counts, in whatever list of containers or kind of volume it stands.
std::vector<PodReference> ReferencesOf(const json::Value& pod);

}  // namespace sampan::apiserver::auth
