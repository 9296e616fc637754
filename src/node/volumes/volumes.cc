#include "node/volumes/volumes.h"

#include "async/spawn.h"
#include "base/saturate.h"
#include "client/typed.h"
#include "node/pods/expand.h"
#include "node/volumes/atomic_writer.h"
#include "node/volumes/sub_path.h"
#include "os/file.h"
#include "os/mount.h"

namespace sampan::node {
namespace {

using namespace api::core;

// Each may be a mount of its own, and the kernel has 100,000 for the whole machine.
constexpr size_t kMostVolumes = 500;

Result<void> Unlike(const HostPathVolumeSource& source, std::string_view what) {
  return Fail(Error::BadRequest("hostPath type check failed: {} is not a {}", source.path, what));
}

Result<void> CheckHostPath(const HostPathVolumeSource& source) {
  const std::string& type = source.type;
  if (type.empty()) return {};
  auto stat = os::Stat(source.path);
  if (!stat && type == "DirectoryOrCreate") return os::MakeDirs(source.path, 0755);
  if (!stat && type == "FileOrCreate") {
    return os::WriteFileAtomic(source.path, "", {.mode = 0644, .sync = os::Sync::kNo});
  }
  auto is = [&](os::FileType wanted) { return stat && stat->type == wanted; };
  if (type.starts_with("Directory")) return is(os::FileType::kDirectory) ? Result<void>() : Unlike(source, "directory");
  if (type.starts_with("File")) return is(os::FileType::kRegular) ? Result<void>() : Unlike(source, "file");
  if (type == "Socket") return is(os::FileType::kSocket) ? Result<void>() : Unlike(source, "socket file");
  if (type == "CharDevice") return is(os::FileType::kCharDevice) ? Result<void>() : Unlike(source, "character device");
  if (type == "BlockDevice") return is(os::FileType::kBlockDevice) ? Result<void>() : Unlike(source, "block device");
  return Fail(Error::BadRequest("unknown hostPath type {}", type));
}

Result<void> MakeEmptyDir(const std::string& dir, const EmptyDirVolumeSource& source, std::optional<int64_t> group) {
  TRY_VOID(os::MakeDirs(std::string(os::DirName(dir)), 0750));
  if (!os::Exists(dir)) {
    // It appears as a whole: one that was left half made would stay so. No volume has that name.
    const std::string made = dir + "~";
    TRY_VOID(os::MakeDirs(made, 0777));
    if (group) {
      TRY_VOID(os::Chown(made, -1, *group));
      TRY_VOID(os::Chmod(made, 02777));
    }
    TRY_VOID(os::Rename(made, dir));
  }
  if (source.medium != "Memory") return {};
  TRY(bool mounted, os::IsMountPoint(dir));
  if (mounted) return {};
  os::TmpfsOptions options;
  if (source.size_limit) options.size_bytes = static_cast<uint64_t>(source.size_limit->Value());
  options.mode = group ? 02777 : 0777;
  TRY_VOID(os::MountTmpfs(dir, options));
  if (group) TRY_VOID(os::Chown(dir, -1, *group));
  return {};
}

bool Supported(const Volume& volume) {
  return volume.empty_dir || volume.host_path || volume.config_map || volume.secret || volume.downward_api ||
         volume.projected;
}

// Null when the object is absent.
template <class T>
Task<Result<client::TypedPtr<T>>> FetchOne(client::Client* api, std::string namespace_, std::string name) {
  auto got = co_await client::Get<T>(*api, std::move(namespace_), std::move(name));
  if (!got && got.error().Is(Reason::kNotFound)) co_return client::TypedPtr<T>();
  co_return got;
}

// A directory with content is as an earlier release made it: its pod's containers use it.
Result<void> MakeMemoryDir(const std::string& dir) {
  TRY_VOID(os::MakeDirs(dir, 0755));
  TRY(std::vector<std::string> content, os::ListDir(dir));
  if (!content.empty()) return {};
  TRY(bool mounted, os::IsMountPoint(dir));
  if (mounted) return {};
  return os::MountTmpfs(dir, {.mode = 0755});
}

Result<void> MakeVolume(const Volume& volume, const std::string& dir, const std::optional<VolumePayload>& payload,
                        std::optional<int64_t> group, WallTime now, SecretMedium secrets) {
  if (volume.host_path) return CheckHostPath(*volume.host_path);
  if (volume.empty_dir) return MakeEmptyDir(dir, *volume.empty_dir, group);
  if (secrets == SecretMedium::kMemory && !volume.config_map) TRY_VOID(MakeMemoryDir(dir));
  TRY_VOID(os::MakeDirs(dir, 0755));
  return WriteVolume(dir, *payload, group, now);
}

cri::Mount::Propagation PropagationOf(const VolumeMount& mount) {
  if (mount.mount_propagation == "Bidirectional") return cri::Mount::Propagation::kBidirectional;
  if (mount.mount_propagation == "HostToContainer") return cri::Mount::Propagation::kHostToContainer;
  return cri::Mount::Propagation::kPrivate;
}

}  // namespace

bool Volumes::NeedRefresh(const PodSpec& spec) {
  return std::ranges::any_of(spec.volumes, [](const Volume& volume) {
    return volume.config_map || volume.secret || volume.downward_api || volume.projected;
  });
}

Task<Result<void>> Volumes::Prepare(const Pod* pod, const PodFacts* facts) {
  const std::optional<int64_t> group = pod->spec.security_context.OrEmpty().fs_group;
  if (pod->spec.volumes.size() > kMostVolumes) {
    co_return Fail(Error::BadRequest("MountVolume.SetUp failed: a pod may have {} volumes", kMostVolumes));
  }
  size_t room = kMostContent;
  for (const Volume& volume : pod->spec.volumes) {
    if (!Supported(volume)) {
      co_return Fail(
          Error::BadRequest("MountVolume.SetUp failed for volume \"{}\" : this kind of volume is not supported "
                            "by the node",
                            volume.name));
    }
    auto prefix = [&](const Error& error) {
      return Fail(error.Annotate(fmt::format("MountVolume.SetUp failed for volume \"{}\" ", volume.name)));
    };
    auto sources = co_await Fetch(pod, &volume);
    if (!sources) co_return prefix(sources.error());
    auto payload = BuildPayload(volume, facts->Fields(*pod), *sources, room);
    if (!payload) co_return prefix(payload.error());
    if (*payload) room -= std::min(room, ContentSize(**payload));
    const std::string dir = deps_.paths.Volume(pod->metadata.uid, VolumePlugin(volume), volume.name);
    auto write = [volume = &volume, dir, payload = &*payload, group, now = deps_.clock.Now(), secrets = deps_.secrets] {
      return MakeVolume(*volume, dir, *payload, group, now, secrets);
    };
    Result<void> made = co_await deps_.blocking.Run(std::move(write));
    if (!made) co_return prefix(made.error());
  }
  co_return Result<void>();
}

Task<Result<VolumeSources>> Volumes::Fetch(const Pod* pod, const Volume* volume) {
  const VolumeReferences references = VolumeReferencesOf(*volume);
  VolumeSources sources;
  // The volume that every pod has, with its account's token and the cluster's authority, waits for both at once.
  std::vector<Task<Result<void>>> both;
  both.push_back(FetchObjects(pod, &references, &sources));
  both.push_back(FetchTokens(pod, &references, &sources));
  for (Result<void>& fetched : co_await WhenAll(std::move(both))) CO_TRY_VOID(std::move(fetched));
  co_return sources;
}

Task<Result<void>> Volumes::FetchObjects(const Pod* pod, const VolumeReferences* references, VolumeSources* sources) {
  for (const std::string& name : references->config_maps) {
    CO_TRY(sources->config_maps[name], co_await FetchOne<ConfigMap>(&deps_.client, pod->metadata.namespace_, name));
  }
  for (const std::string& name : references->secrets) {
    CO_TRY(sources->secrets[name], co_await FetchOne<Secret>(&deps_.client, pod->metadata.namespace_, name));
  }
  co_return Result<void>();
}

Task<Result<void>> Volumes::FetchTokens(const Pod* pod, const VolumeReferences* references, VolumeSources* sources) {
  for (const TokenWanted& wanted : references->tokens) {
    CO_TRY(sources->tokens[wanted], co_await Token(pod, wanted));
  }
  co_return Result<void>();
}

Task<Result<std::string>> Volumes::Token(const Pod* pod, TokenWanted wanted) {
  const auto key = std::pair(pod->metadata.uid, wanted);
  auto cached = tokens_.find(key);
  if (cached != tokens_.end() && deps_.clock.Now() < cached->second.refresh_at) co_return cached->second.token;
  json::Object spec{
      {"expirationSeconds", wanted.expiration_seconds},
      {"boundObjectRef",
       json::Object{{"kind", "Pod"}, {"apiVersion", "v1"}, {"name", pod->metadata.name}, {"uid", pod->metadata.uid}}}};
  if (!wanted.audience.empty()) spec["audiences"] = json::Array{json::Value(wanted.audience)};
  json::Value request =
      json::Object{{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", std::move(spec)}};
  const std::string account =
      pod->spec.service_account_name.empty() ? std::string("default") : pod->spec.service_account_name;
  auto created = co_await deps_.client.Create(client::RefOf<ServiceAccount>(pod->metadata.namespace_, account, "token"),
                                              std::move(request));
  if (!created) {
    // An old token is better than none while the server is away.
    if (cached != tokens_.end()) co_return cached->second.token;
    co_return Fail(created.error().Annotate("failed to fetch token"));
  }
  const json::Value answer = (*created)->Parse();
  CachedToken token{std::string(json::FindString(json::Find(answer, "status", "token"))), {}};
  if (token.token.empty()) co_return Fail(Error::InternalError("failed to fetch token: the server sent none"));
  const WallTime now = deps_.clock.Now();
  Duration lifetime = BoundedSeconds(wanted.expiration_seconds);
  if (auto end = ParseTime(json::FindString(json::Find(answer, "status", "expirationTimestamp")))) lifetime = *end - now;
  token.refresh_at = now + std::min<Duration>(lifetime / 5 * 4, std::chrono::hours(24));
  tokens_[key] = token;
  co_return token.token;
}

Task<Result<std::vector<cri::Mount>>> Volumes::Mounts(const Pod* pod, const Container* container,
                                                      const EnvList* environment) {
  std::vector<cri::Mount> mounts;
  const ValueIndex values(*environment);
  for (size_t i = 0; i < container->volume_mounts.size(); ++i) {
    const VolumeMount& mount = container->volume_mounts[i];
    auto volume = std::ranges::find(pod->spec.volumes, mount.name, &Volume::name);
    if (volume == pod->spec.volumes.end()) {
      co_return Fail(
          Error::BadRequest("cannot find volume \"{}\" to mount into container \"{}\"", mount.name, container->name));
    }
    cri::Mount out;
    out.container_path = mount.mount_path;
    out.host_path = volume->host_path ? volume->host_path->path
                                      : deps_.paths.Volume(pod->metadata.uid, VolumePlugin(*volume), volume->name);
    const bool files = volume->config_map || volume->secret || volume->downward_api || volume->projected;
    out.read_only = files || mount.read_only.value_or(false);
    out.propagation = PropagationOf(mount);
    std::string sub_path = mount.sub_path;
    if (!mount.sub_path_expr.empty()) {
      CO_TRY(sub_path, ExpandReferences(mount.sub_path_expr, [&](std::string_view name) { return values.Find(name); }));
    }
    if (!sub_path.empty()) {
      std::string target =
          fmt::format("{}/{}/{}/{}", deps_.paths.SubPaths(pod->metadata.uid), volume->name, container->name, i);
      auto bind = [root = out.host_path, sub_path, target] { return BindSubPath(root, sub_path, target); };
      Result<void> bound = co_await deps_.blocking.Run(std::move(bind));
      if (!bound) {
        co_return Fail(bound.error().Annotate(fmt::format(
            "failed to prepare subPath for volumeMount \"{}\" of container \"{}\"", mount.name, container->name)));
      }
      out.host_path = target;
    }
    mounts.push_back(std::move(out));
  }
  co_return mounts;
}

Task<Result<void>> Volumes::TearDown(std::string uid) {
  std::erase_if(tokens_, [&](const auto& entry) { return entry.first.first == uid; });
  auto remove = [dir = deps_.paths.Pod(uid)]() -> Result<void> {
    if (!os::Exists(dir)) return {};
    TRY_VOID(os::UnmountAll(dir));
    return os::RemoveAll(dir);
  };
  co_return co_await deps_.blocking.Run(std::move(remove));
}

}  // namespace sampan::node
