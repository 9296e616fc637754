// The files of configMap, secret, downwardAPI and projected volumes. Pure: what they are made of is fetched before.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "client/typed_ptr.h"
#include "node/pods/fields.h"

namespace sampan::node {

struct VolumeFile {
  std::string data;
  mode_t mode = 0644;
  std::optional<int64_t> owner_uid;  // service account tokens belong to the container's user
  bool operator==(const VolumeFile&) const = default;
};
using VolumePayload = std::map<std::string, VolumeFile>;  // by relative path

struct TokenWanted {
  std::string audience;
  int64_t expiration_seconds = 3600;
  auto operator<=>(const TokenWanted&) const = default;
};

// What must be fetched to build a volume.
struct VolumeReferences {
  std::set<std::string> config_maps, secrets;
  std::set<TokenWanted> tokens;
};
VolumeReferences VolumeReferencesOf(const api::core::Volume& volume);

struct VolumeSources {
  std::map<std::string, client::TypedPtr<api::core::ConfigMap>> config_maps;  // null: absent
  std::map<std::string, client::TypedPtr<api::core::Secret>> secrets;
  std::map<TokenWanted, std::string> tokens;
};

// What the files of one pod's volumes may take together. They are the node's memory, not the pod's, and a pod may name the
// same key any number of times; one object has 1 MiB at the most.
inline constexpr size_t kMostContent = 16 << 20;

// Of a file or of all of them: content and names, in whole pages, which is what a file system takes for them.
size_t ContentSize(std::string_view path, const VolumeFile& file);
size_t ContentSize(const VolumePayload& payload);

// Nothing for a volume that is not made of files. BadRequest with the words of FailedMount events when an object or a key
// is missing and not optional, and when the files take more than `most`.
Result<std::optional<VolumePayload>> BuildPayload(const api::core::Volume& volume, const FieldContext& context,
                                                  const VolumeSources& sources, size_t most = kMostContent);

// "kubernetes.io~configmap" ...: the directory below `volumes`; empty for hostPath.
std::string VolumePlugin(const api::core::Volume& volume);

}  // namespace sampan::node
