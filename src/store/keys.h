// Every key that the store holds is built and taken apart here, and nowhere else:
//
//   /registry/[<group>/]<resource>/[<namespace>/]<name>
//
// The core group has no <group> part. Names, namespaces, groups and resources contain no '/'.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sampan::store::keys {

// "/registry/apps/deployments/": what the keys of one resource begin with.
std::string ResourcePrefix(std::string_view group, std::string_view resource);
// "/registry/apps/deployments/default/"
std::string NamespacePrefix(std::string_view group, std::string_view resource, std::string_view namespace_);
// "/registry/apps/deployments/default/web"; an empty namespace for cluster-scoped objects.
std::string ObjectKey(std::string_view group, std::string_view resource, std::string_view namespace_, std::string_view name);

// The end of the range of keys that begin with `prefix`, for RangeOptions::end and StartWatch.
std::string PrefixEnd(std::string_view prefix);

struct ObjectId {
  std::string_view namespace_;  // empty for cluster-scoped objects
  std::string_view name;
};
// What stands behind a resource's prefix; views into `key`. Nothing when the key does not begin with it or is malformed.
std::optional<ObjectId> ParseObject(std::string_view key, std::string_view resource_prefix);

// Orders objects as their keys order: by the bytes of "<namespace>/<name>", or of "<name>" without a namespace.
int Compare(const ObjectId& a, const ObjectId& b);

}  // namespace sampan::store::keys
