#include "node/volumes/payload.h"

namespace sampan::node {
namespace {

using namespace api::core;

struct Context {
  const FieldContext& fields;
  const VolumeSources& sources;
  mode_t default_mode = 0644;
  bool has_fs_group = false;
};

mode_t ModeOf(const std::optional<int32_t>& mode, mode_t fallback) {
  return mode ? static_cast<mode_t>(*mode & 0777) : fallback;
}

// The chosen keys of `data`, all of them when none is chosen.
Result<void> AddKeys(VolumePayload& out, const api::Map<std::string>& data, const std::vector<KeyToPath>& items, mode_t mode,
                     bool optional) {
  if (items.empty()) {
    for (const auto& [key, value] : data) out[key] = VolumeFile{value, mode, {}};
    return {};
  }
  for (const KeyToPath& item : items) {
    const std::string* value = data.Find(item.key);
    if (value == nullptr) {
      if (optional) continue;
      return Fail(Error::BadRequest("references non-existent config key: {}", item.key));
    }
    out[item.path] = VolumeFile{*value, ModeOf(item.mode, mode), {}};
  }
  return {};
}

Result<void> AddConfigMap(VolumePayload& out, const std::string& name, const std::vector<KeyToPath>& items, bool optional,
                          const Context& context) {
  auto found = context.sources.config_maps.find(name);
  if (found == context.sources.config_maps.end() || !found->second) {
    if (optional) return {};
    return Fail(Error::NotFound("configmap \"{}\" not found", name));
  }
  api::Map<std::string> all = found->second->binary_data;
  for (const auto& [key, value] : found->second->data) all[key] = value;
  return AddKeys(out, all, items, context.default_mode, optional);
}

Result<void> AddSecret(VolumePayload& out, const std::string& name, const std::vector<KeyToPath>& items, bool optional,
                       const Context& context) {
  auto found = context.sources.secrets.find(name);
  if (found == context.sources.secrets.end() || !found->second) {
    if (optional) return {};
    return Fail(Error::NotFound("secret \"{}\" not found", name));
  }
  return AddKeys(out, found->second->data, items, context.default_mode, optional);
}

Result<void> AddDownward(VolumePayload& out, const std::vector<DownwardAPIVolumeFile>& items, const Context& context) {
  for (const DownwardAPIVolumeFile& item : items) {
    std::string value;
    if (item.field_ref) {
      TRY(value, FieldValue(context.fields, item.field_ref->field_path));
    } else if (item.resource_field_ref) {
      TRY(value, ResourceValue(context.fields, *item.resource_field_ref, nullptr));
    }
    out[item.path] = VolumeFile{std::move(value), ModeOf(item.mode, context.default_mode), {}};
  }
  return {};
}

TokenWanted WantedBy(const ServiceAccountTokenProjection& projection) {
  return {projection.audience, projection.expiration_seconds.value_or(3600)};
}

Result<void> AddToken(VolumePayload& out, const ServiceAccountTokenProjection& projection, const Context& context) {
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
  out[projection.path] = std::move(file);
  return {};
}

Result<VolumePayload> BuildProjected(const ProjectedVolumeSource& projected, Context context) {
  VolumePayload out;
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
  return out;
}

}  // namespace

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
                                                  const VolumeSources& sources) {
  Context context{fields, sources};
  context.has_fs_group = fields.pod.spec.security_context.OrEmpty().fs_group.has_value();
  VolumePayload out;
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
    TRY(out, BuildProjected(*volume.projected, context));
  } else {
    return std::nullopt;
  }
  return std::optional(std::move(out));
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
