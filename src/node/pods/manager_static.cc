// The part of PodManager that runs the pods of the node's own manifests.
#include <set>

#include "base/log.h"
#include "node/pods/manager.h"

namespace sampan::node {

using api::core::Node;
using api::core::Pod;

Task<void> PodManager::SyncStatic() {
  auto read = [dir = services_.static_pod_dir, node = services_.node_name] { return ReadStaticPods(dir, node); };
  std::vector<StaticPod> pods = co_await services_.blocking.Run(std::move(read));
  std::set<std::string> wanted;
  for (const StaticPod& pod : pods) wanted.insert(pod->metadata.uid);
  for (auto& [uid, worker] : workers_) {
    if (worker->is_static() && !wanted.contains(uid) && !worker->gone()) worker->MarkGone();
  }
  for (const StaticPod& pod : pods) {
    // A changed one starts when the former has ended: they may want the same ports and directories.
    PodWorker* former = Find(pod->metadata.namespace_, pod->metadata.name);
    if (former == nullptr) {
      StartWorker(pod->metadata.uid, std::make_unique<PodWorker>(services_, pod, PodWorker::Origin::kManifest));
    }
  }
  for (const auto& mirror : pods_.List()) {
    std::string_view hash = MirrorHash(*mirror);
    if (!hash.empty() && !wanted.contains(std::string(hash))) co_await RemoveMirror(mirror);
  }
  if (pods.empty()) co_return;
  auto node = co_await client::Get<Node>(services_.client, "", services_.node_name);
  if (!node) co_return;  // the API cannot be reached: static pods run unseen
  for (const StaticPod& pod : pods) co_await SyncMirror(pod, (*node)->metadata.uid);
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
