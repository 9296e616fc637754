#include "node/volumes/payload.h"

#include <array>
#include <span>

namespace sampan::node {
namespace {

using namespace api::core;

constexpr size_t kPage = 4096;

struct Context {
  const FieldContext& fields;
  const VolumeSources& sources;
  mode_t default_mode = 0644;
  bool has_fs_group = false;
};

// Files as they come, as long as there is room.
class Draft {
 public:
  explicit Draft(size_t most) : left_(most) {}
  Result<void> Put(const std::string& path, VolumeFile file) {
    const size_t size = ContentSize(path, file);
    if (size > left_) return Fail(Error::BadRequest("the pod's volumes have more than {} bytes of files", kMostContent));
    left_ -= size;
    files_[path] = std::move(file);
    return {};
  }
  VolumePayload Take() { return std::move(files_); }

 private:
  VolumePayload files_;
  size_t left_;
};

mode_t ModeOf(const std::optional<int32_t>& mode, mode_t fallback) {
  return mode ? static_cast<mode_t>(*mode & 0777) : fallback;
}

const std::string* FindKey(std::span<const api::Map<std::string>* const> maps, const std::string& key) {
  for (const api::Map<std::string>* map : maps) {
    if (const std::string* value = map->Find(key)) return value;
  }
  return nullptr;
}

// The chosen keys of `maps`, all of them when none is chosen.
Result<void> AddKeys(Draft& out, std::span<const api::Map<std::string>* const> maps, const std::vector<KeyToPath>& items,
                     mode_t mode, bool optional) {
  if (items.empty()) {
    for (const api::Map<std::string>* map : maps) {
      for (const auto& [key, value] : *map) TRY_VOID(out.Put(key, VolumeFile{value, mode, {}}));
    }
    return {};
  }
  for (const KeyToPath& item : items) {
    const std::string* value = FindKey(maps, item.key);
    if (value == nullptr) {
      if (optional) continue;
      return Fail(Error::BadRequest("references non-existent config key: {}", item.key));
    }
    TRY_VOID(out.Put(item.path, VolumeFile{*value, ModeOf(item.mode, mode), {}}));
  }
  return {};
}

Result<void> AddConfigMap(Draft& out, const std::string& name, const std::vector<KeyToPath>& items, bool optional,
                          const Context& context) {
  auto found = context.sources.config_maps.find(name);
  if (found == context.sources.config_maps.end() || !found->second) {
    if (optional) return {};
    return Fail(Error::NotFound("configmap \"{}\" not found", name));
  }
  const std::array maps{&found->second->data, &found->second->binary_data};
  return AddKeys(out, maps, items, context.default_mode, optional);
}

Result<void> AddSecret(Draft& out, const std::string& name, const std::vector<KeyToPath>& items, bool optional,
                       const Context& context) {
  auto found = context.sources.secrets.find(name);
  if (found == context.sources.secrets.end() || !found->second) {
    if (optional) return {};
    return Fail(Error::NotFound("secret \"{}\" not found", name));
  }
  const std::array maps{&found->second->data};
  return AddKeys(out, maps, items, context.default_mode, optional);
}

Result<void> AddDownward(Draft& out, const std::vector<DownwardAPIVolumeFile>& items, const Context& context) {
  for (const DownwardAPIVolumeFile& item : items) {
    std::string value;
    if (item.field_ref) {
      TRY(value, FieldValue(context.fields, item.field_ref->field_path));
    } else if (item.resource_field_ref) {
      TRY(value, ResourceValue(context.fields, *item.resource_field_ref, nullptr));
    }
    TRY_VOID(out.Put(item.path, VolumeFile{std::move(value), ModeOf(item.mode, context.default_mode), {}}));
  }
  return {};
}

TokenWanted WantedBy(const ServiceAccountTokenProjection& projection) {
  return {projection.audience, projection.expiration_seconds.value_or(3600)};
}

Result<void> AddToken(Draft& out, const ServiceAccountTokenProjection& projection, const Context& context) {
  auto found = context.sources.tokens.find(WantedBy(projection));
  if (found == context.sources.tokens.end()) {
    return Fail(
        Error::ServiceUnavailable("no token for service account \"{}\"", context.fields.pod.spec.service_account_name));
  }
  VolumeFile file{found->second, context.default_mode, {}};
  const PodSecurityContext& security = context.fields.pod.spec.security_context.OrEmpty();
  if (context.has_fs_group) {
    file.mode = 0640;
  } else if (security.run_as_user) {  // readable by whom the pod runs as, and by nobody else
    file.owner_uid = security.run_as_user;
    file.mode = 0600;
  }
  return out.Put(projection.path, std::move(file));
}

Result<void> AddProjected(Draft& out, const ProjectedVolumeSource& projected, Context context) {
  context.default_mode = ModeOf(projected.default_mode, 0644);
  for (const VolumeProjection& source : projected.sources) {
    if (source.config_map) {
      TRY_VOID(AddConfigMap(out, source.config_map->name, source.config_map->items,
                            source.config_map->optional.value_or(false), context));
    }
    if (source.secret) {
      TRY_VOID(AddSecret(out, source.secret->name, source.secret->items, source.secret->optional.value_or(false), context));
    }
    if (source.downward_api) TRY_VOID(AddDownward(out, source.downward_api->items, context));
    if (source.service_account_token) TRY_VOID(AddToken(out, *source.service_account_token, context));
  }
  return {};
}

}  // namespace

size_t ContentSize(std::string_view path, const VolumeFile& file) {
  return (path.size() + file.data.size()) / kPage * kPage + kPage;
}

size_t ContentSize(const VolumePayload& payload) {
  size_t sum = 0;
  for (const auto& [path, file] : payload) sum += ContentSize(path, file);
  return sum;
}

VolumeReferences VolumeReferencesOf(const Volume& volume) {
  VolumeReferences out;
  if (volume.config_map) out.config_maps.insert(volume.config_map->name);
  if (volume.secret) out.secrets.insert(volume.secret->secret_name);
  for (const VolumeProjection& source : volume.projected.OrEmpty().sources) {
    if (source.config_map) out.config_maps.insert(source.config_map->name);
    if (source.secret) out.secrets.insert(source.secret->name);
    if (source.service_account_token) out.tokens.insert(WantedBy(*source.service_account_token));
  }
  return out;
}

Result<std::optional<VolumePayload>> BuildPayload(const Volume& volume, const FieldContext& fields,
                                                  const VolumeSources& sources, size_t most) {
  Context context{fields, sources};
  context.has_fs_group = fields.pod.spec.security_context.OrEmpty().fs_group.has_value();
  Draft out(most);
  if (volume.config_map) {
    context.default_mode = ModeOf(volume.config_map->default_mode, 0644);
    TRY_VOID(AddConfigMap(out, volume.config_map->name, volume.config_map->items,
                          volume.config_map->optional.value_or(false), context));
  } else if (volume.secret) {
    context.default_mode = ModeOf(volume.secret->default_mode, 0644);
    TRY_VOID(
        AddSecret(out, volume.secret->secret_name, volume.secret->items, volume.secret->optional.value_or(false), context));
  } else if (volume.downward_api) {
    context.default_mode = ModeOf(volume.downward_api->default_mode, 0644);
    TRY_VOID(AddDownward(out, volume.downward_api->items, context));
  } else if (volume.projected) {
    TRY_VOID(AddProjected(out, *volume.projected, context));
  } else {
    return std::nullopt;
  }
  return std::optional(out.Take());
}

std::string VolumePlugin(const Volume& volume) {
  if (volume.config_map) return "kubernetes.io~configmap";
  if (volume.secret) return "kubernetes.io~secret";
  if (volume.downward_api) return "kubernetes.io~downward-api";
  if (volume.projected) return "kubernetes.io~projected";
  if (volume.host_path) return {};
  return "kubernetes.io~empty-dir";
}

}  // namespace sampan::node
