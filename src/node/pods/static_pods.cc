#include "node/pods/static_pods.h"

#include <algorithm>

#include "api/decode.h"
#include "api/defaults/defaults.h"
#include "api/validation/validation.h"
#include "base/contain.h"
#include "base/log.h"
#include "codec/yaml.h"
#include "os/file.h"

namespace sampan::node {

using namespace api::core;

namespace {

constexpr size_t kMaxManifest = 10 << 20;
constexpr std::string_view kMirror = "kubernetes.io/config.mirror";
constexpr std::string_view kHash = "kubernetes.io/config.hash";
constexpr std::string_view kSource = "kubernetes.io/config.source";

// FNV-1a, twice: it names, it does not protect.
std::string HashOf(std::string_view manifest, std::string_view node_name) {
  constexpr uint64_t kPrime = 1099511628211ULL;
  uint64_t a = 14695981039346656037ULL, b = ~a;
  for (std::string_view text : {manifest, std::string_view("\0", 1), node_name}) {
    for (unsigned char c : text) {
      a = (a ^ c) * kPrime;
      b = (b ^ (c + 0x5bU)) * kPrime;
    }
  }
  return fmt::format("{:016x}{:016x}", a, b);
}

// A static pod runs without the API, so that it cannot need what only the API has.
Result<void> CheckIndependent(const Pod& pod) {
  for (const Volume& volume : pod.spec.volumes) {
    if (volume.config_map || volume.secret || volume.projected || volume.persistent_volume_claim) {
      return Fail(Error::Invalid("static pods may not reference objects of the API: volume \"{}\"", volume.name));
    }
  }
  if (!pod.spec.service_account_name.empty()) {
    return Fail(Error::Invalid("static pods may not reference service accounts"));
  }
  return {};
}

}  // namespace

Result<StaticPod> StaticPodOf(std::string_view manifest, const std::string& node_name) {
  const api::KindInfo& kind = api::KindOf<Pod>();
  TRY(json::Value parsed, yaml::Parse(manifest));
  TRY(json::Value object, api::DecodeObject(kind, std::move(parsed), {.strictness = api::Strictness::kIgnore}));
  api::ApplyDefaults(kind, object);
  TRY(Pod pod, api::FromJson<Pod>(object));
  if (pod.metadata.name.empty()) return Fail(Error::Invalid("metadata.name: Required value"));
  pod.metadata.name += "-" + node_name;
  if (pod.metadata.namespace_.empty()) pod.metadata.namespace_ = "default";
  pod.metadata.uid = HashOf(manifest, node_name);
  pod.metadata.annotations[kHash] = pod.metadata.uid;
  pod.metadata.annotations[kSource] = "file";
  pod.spec.node_name = node_name;
  Toleration always;
  always.operator_ = "Exists";
  always.effect = "NoExecute";
  pod.spec.tolerations.push_back(std::move(always));
  pod.status = PodStatus();
  TRY_VOID(CheckIndependent(pod));
  TRY_VOID(api::CheckValid(kind, api::ToJson(pod)));
  return std::make_shared<const Pod>(std::move(pod));
}

Result<std::vector<StaticPod>> ReadStaticPods(const std::string& dir, const std::string& node_name) {
  std::vector<StaticPod> pods;
  auto names = os::ListDir(dir);
  if (!names && names.error().Is(Reason::kNotFound)) return pods;
  if (!names) return Fail(names.error());
  std::ranges::sort(*names);
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    auto text = os::ReadFile(dir + "/" + name, kMaxManifest);
    Result<StaticPod> pod = Fail(text ? Error::Invalid("empty") : text.error());
    if (text) pod = ContainResult("static pod", [&] { return StaticPodOf(*text, node_name); });
    if (pod) {
      pods.push_back(*std::move(pod));
    } else {
      LOG_WARN("node", "{}/{} is no static pod: {}", dir, name, pod.error());
    }
  }
  return pods;
}

std::string_view MirrorHash(const Pod& pod) {
  const std::string* hash = pod.metadata.annotations.Find(kMirror);
  return hash == nullptr ? std::string_view() : std::string_view(*hash);
}

json::Value MirrorOf(const Pod& pod, const std::string& node_uid) {
  Pod mirror = pod;
  mirror.metadata.annotations[kMirror] = pod.metadata.uid;
  mirror.metadata.uid.clear();
  if (!node_uid.empty()) {
    mirror.metadata.owner_references = {
        {.api_version = "v1", .kind = "Node", .name = pod.spec.node_name, .uid = node_uid, .controller = true}};
  }
  mirror.status = PodStatus();
  return api::ToJson(mirror);
}

}  // namespace sampan::node
