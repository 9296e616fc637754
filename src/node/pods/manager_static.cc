// The part of PodManager that runs the pods of the node's own manifests.
#include <set>

#include "base/log.h"
#include "node/pods/manager.h"

namespace sampan::node {

using api::core::Node;
using api::core::Pod;

Task<void> PodManager::SyncStatic() {
  auto read = [dir = services_.static_pod_dir, node = services_.node_name] { return ReadStaticPods(dir, node); };
  auto manifests = co_await services_.blocking.Run(std::move(read));
  if (!manifests) {  // what runs goes on
    LOG_WARN("node", "cannot read the static pods: {}", manifests.error());
    co_return;
  }
  const std::vector<StaticPod> pods = *std::move(manifests);
  std::set<std::string> wanted;
  for (const StaticPod& pod : pods) wanted.insert(pod->metadata.uid);
  for (auto& [uid, worker] : workers_) {
    if (worker->is_static() && !wanted.contains(uid) && !worker->gone()) worker->MarkGone();
  }
  for (const StaticPod& pod : pods) {
    // A changed one starts when the former has ended: they may want the same ports and directories.
    if (FindStatic(pod) == nullptr) {
      StartWorker(pod->metadata.uid, std::make_unique<PodWorker>(services_, pod, PodWorker::Origin::kManifest));
    }
  }
  if (pods.empty()) co_return;
  auto node = co_await client::Get<Node>(services_.client, "", services_.node_name);
  if (!node) co_return;  // the API cannot be reached: static pods run unseen
  for (const StaticPod& pod : pods) {
    if (workers_.contains(pod->metadata.uid)) co_await SyncMirror(pod, (*node)->metadata.uid);
  }
}

namespace {
constexpr int kMirrorsAtOnce = 20;  // anybody may make many, and the next look at the runtime waits for them
}  // namespace

PodWorker* PodManager::FindStatic(const StaticPod& pod) {
  for (auto& [uid, worker] : workers_) {
    const api::meta::ObjectMeta& metadata = worker->pod().metadata;
    if (!worker->is_static() || metadata.name != pod->metadata.name) continue;
    if (metadata.namespace_ == pod->metadata.namespace_) return worker.get();
  }
  return nullptr;
}

bool PodManager::IsMirrored(const client::TypedPtr<Pod>& mirror) const {
  auto found = workers_.find(std::string(MirrorHash(*mirror)));
  if (found == workers_.end() || !found->second->is_static() || found->second->gone()) return false;
  // Anybody may write the annotation, with a hash that he has seen.
  const api::meta::ObjectMeta& metadata = found->second->pod().metadata;
  return metadata.name == mirror.name() && metadata.namespace_ == mirror.namespace_();
}

// A mirror runs nowhere, so that one without its pod would never change: whoever made it.
Task<void> PodManager::RemoveOrphanMirrors() {
  int left = kMirrorsAtOnce;
  for (const auto& mirror : pods_.List()) {
    if (MirrorHash(*mirror).empty() || IsMirrored(mirror)) continue;
    if (left-- == 0) co_return;
    co_await RemoveMirror(mirror);
  }
}

Task<void> PodManager::SyncMirror(StaticPod pod, std::string node_uid) {
  auto mirror = pods_.Get(pod->metadata.namespace_, pod->metadata.name);
  if (mirror && mirror->metadata.deletion_timestamp) co_await RemoveMirror(mirror);
  if (mirror) {
    Seen(mirror);
    co_return;
  }
  auto created = co_await services_.client.Create(client::RefOf<Pod>(pod->metadata.namespace_), MirrorOf(*pod, node_uid));
  if (!created && !created.error().Is(Reason::kAlreadyExists)) {
    LOG_WARN("node", "cannot mirror static pod {}/{}: {}", pod->metadata.namespace_, pod->metadata.name, created.error());
  }
}

Task<void> PodManager::RemoveMirror(client::TypedPtr<Pod> mirror) {
  Result<void> removed =
      co_await client::Delete<Pod>(services_.client, mirror.namespace_(), mirror.name(),
                                   {.grace_period_seconds = 0, .propagation_policy = {}, .uid_precondition = mirror.uid()});
  if (!removed && !removed.error().Is(Reason::kNotFound)) {
    LOG_DEBUG("node", "cannot remove mirror pod {}/{}: {}", mirror.namespace_(), mirror.name(), removed.error());
  }
}

}  // namespace sampan::node
