#include "node/pods/manager.h"

#include <set>

#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "node/pods/admission.h"
#include "node/pods/amount.h"
#include "node/pods/resources.h"

namespace sampan::node {

using api::core::Pod;

namespace {
constexpr Duration kRelistPeriod = std::chrono::seconds(1);
constexpr Duration kManifestPeriod = std::chrono::seconds(20);
constexpr Duration kRefusalPeriod = std::chrono::milliseconds(500);
constexpr int kRefusalsAtOnce = 10;

std::string LabelOf(const cri::Labels& labels, std::string_view key) {
  auto found = labels.find(std::string(key));
  return found == labels.end() ? std::string() : found->second;
}
}  // namespace

PodManager::PodManager(PodServices& services, client::Informer<Pod> pods) : services_(services), pods_(pods) {
  services_.others_request = [this](const std::string& uid, std::string_view resource) {
    return OthersRequest(uid, resource);
  };
}
PodManager::~PodManager() {
  services_.others_request = {};
}

int64_t PodManager::OthersRequest(const std::string& uid, std::string_view resource) const {
  int64_t sum = 0;
  for (const auto& [other, worker] : workers_) {
    if (other != uid && !IsTerminal(worker->pod().status)) sum = AddAmounts(sum, PodRequest(worker->pod().spec, resource));
  }
  return sum;
}

Task<void> PodManager::Run(CancelToken stop) {
  stop_ = stop;
  client::Subscription subscription = pods_->Subscribe(
      services_.strand,
      {.added = [this](const client::ObjectPtr& object) { Changed(nullptr, object); },
       .updated = [this](const client::ObjectPtr& before, const client::ObjectPtr& after) { Changed(before, after); },
       .deleted = [this](const client::ObjectPtr& last) { Changed(last, nullptr); }});
  bool synced = co_await pods_->WaitSynced(stop);
  while (synced && !stop.Requested()) {
    co_await Contained("pod housekeeping", Round());
    co_await services_.clock.Sleep(kRelistPeriod, stop);
  }
  subscription = client::Subscription();
  co_await gate_.Close();
}

Task<void> PodManager::Round() {
  if (std::exchange(missed_, false)) SeeAll();
  const MonoTime now = services_.clock.Monotonic();
  // Before the first look at the runtime, which ends what belongs to no pod.
  if (!services_.static_pod_dir.empty() && (!manifests_read_ || now - *manifests_read_ >= kManifestPeriod)) {
    manifests_read_ = now;
    co_await SyncStatic();
  }
  co_await RemoveOrphanMirrors();
  co_await Relist();
}

void PodManager::Changed(const client::ObjectPtr& before, const client::ObjectPtr& after) {
  missed_ |= !Contain("pod change", [&] {
    if (before != nullptr && (after == nullptr || before->uid() != after->uid())) Gone(before->uid());
    if (after != nullptr) Seen(client::TypedPtr<Pod>(after));
  });
}

void PodManager::SeeAll() {
  std::set<std::string> present;
  for (const client::TypedPtr<Pod>& pod : pods_.List()) {
    present.insert(pod.uid());
    Changed(nullptr, pod.object());
  }
  for (const auto& [uid, worker] : workers_) {
    if (!worker->is_static() && !present.contains(uid)) worker->MarkGone();
  }
}

void PodManager::Seen(const client::TypedPtr<Pod>& pod) {
  if (!Paths::CanName(pod.uid()) || !Paths::CanName(pod.name()) || !Paths::CanName(pod.namespace_())) return;
  if (std::string_view hash = MirrorHash(*pod); !hash.empty()) {
    if (IsMirrored(pod)) workers_.at(std::string(hash))->ObserveMirror(pod);
    return;
  }
  auto found = workers_.find(pod.uid());
  if (found != workers_.end()) {
    found->second->Update(pod);
  } else {
    auto worker = std::make_unique<PodWorker>(services_, pod);
    if (std::optional<Rejection> rejected = RejectionOf(pod)) {
      worker->Refuse(rejected->reason, rejected->message, PauseOfRefusal());
    }
    // Only workers make sandboxes: what neither the runtime's list has nor a worker looks after is not there.
    if (listed_ && !seen_.contains(pod.uid())) worker->RuntimeIsEmpty();
    StartWorker(pod.uid(), std::move(worker));
  }
}

// Only of a pod that has not begun yet: a restart of the agent refuses nothing that runs.
std::optional<Rejection> PodManager::RejectionOf(const client::TypedPtr<Pod>& pod) const {
  if (pod->status.start_time || IsTerminal(pod->status) || pod->metadata.deletion_timestamp) return std::nullopt;
  std::vector<const Pod*> others;
  for (const auto& [uid, worker] : workers_) {
    if (worker->holds_place()) others.push_back(&worker->pod());
  }
  return node::RejectionOf(*pod, services_.allocatable, others);
}

// Controllers replace a refused pod as soon as they hear of it, and the next one is refused as well.
Duration PodManager::PauseOfRefusal() {
  const MonoTime now = services_.clock.Monotonic();
  next_refusal_ = std::max(next_refusal_, now) + kRefusalPeriod;
  return std::max<Duration>(next_refusal_ - now - kRefusalsAtOnce * kRefusalPeriod, Duration(0));
}

void PodManager::Gone(const std::string& uid) {
  auto found = workers_.find(uid);
  if (found != workers_.end()) found->second->MarkGone();
}

void PodManager::StartWorker(const std::string& uid, std::unique_ptr<PodWorker> worker) {
  if (stop_.Requested()) return;
  workers_[uid] = std::move(worker);
  Spawn(services_.strand, gate_, RunWorker(uid));
}

Task<void> PodManager::RunWorker(std::string uid) {
  PodWorker* worker = workers_.at(uid).get();
  bool ended = co_await worker->Run(stop_);
  if (ended) {
    workers_.erase(uid);
    seen_.erase(uid);
  }
}

PodWorker* PodManager::Find(std::string_view namespace_, std::string_view name) {
  PodWorker* found = nullptr;
  for (auto& [uid, worker] : workers_) {
    const api::meta::ObjectMeta& metadata = worker->pod().metadata;
    if (metadata.name != name || metadata.namespace_ != namespace_) continue;
    if (found == nullptr || !worker->terminating()) found = worker.get();
  }
  return found;
}

std::vector<PodWorker*> PodManager::All() {
  std::vector<PodWorker*> all;
  for (auto& [uid, worker] : workers_) all.push_back(worker.get());
  return all;
}

Task<void> PodManager::Relist() {
  auto sandboxes = co_await services_.runtime.ListSandboxes({});
  Result<std::vector<cri::Container>> containers = std::vector<cri::Container>();
  if (sandboxes) containers = co_await services_.runtime.ListContainers({});
  if (!sandboxes || !containers) {
    if (runtime_ok_) {
      LOG_WARN("node", "the container runtime does not answer: {}", sandboxes ? containers.error() : sandboxes.error());
    }
    runtime_ok_ = false;
    co_return;
  }
  runtime_ok_ = true;
  listed_ = true;
  std::map<std::string, std::string> now;
  std::map<std::string, std::pair<const cri::Sandbox*, const cri::Container*>> owners;
  for (const cri::Sandbox& sandbox : *sandboxes) {
    const std::string uid = LabelOf(sandbox.labels, labels::kPodUid);
    if (uid.empty()) continue;
    now[uid] += fmt::format("{}={};", sandbox.id, static_cast<int>(sandbox.state));
    owners[uid].first = &sandbox;
  }
  for (const cri::Container& container : *containers) {
    const std::string uid = LabelOf(container.labels, labels::kPodUid);
    if (uid.empty()) continue;
    now[uid] += fmt::format("{}={};", container.id, static_cast<int>(container.state));
    owners[uid].second = &container;
  }
  for (const auto& [uid, text] : now) {
    auto worker = workers_.find(uid);
    if (worker == workers_.end()) {
      Adopt(uid, owners[uid].first, owners[uid].second);
    } else if (seen_[uid] != text) {
      worker->second->RuntimeChanged();
    }
  }
  for (const auto& [uid, text] : seen_) {
    auto worker = workers_.find(uid);
    if (!now.contains(uid) && worker != workers_.end()) worker->second->RuntimeChanged();
  }
  seen_ = std::move(now);
}

// What runs for a pod that is no longer in the API is ended by a worker for its remains.
void PodManager::Adopt(const std::string& uid, const cri::Sandbox* sandbox, const cri::Container* container) {
  const cri::Labels& known = sandbox != nullptr ? sandbox->labels : container->labels;
  auto pod = std::make_shared<Pod>();
  pod->metadata.uid = uid;
  pod->metadata.name = LabelOf(known, labels::kPodName);
  pod->metadata.namespace_ = LabelOf(known, labels::kPodNamespace);
  const api::meta::ObjectMeta& metadata = pod->metadata;
  // Not a pod of Kubernetes.
  if (!Paths::CanName(uid) || !Paths::CanName(metadata.name) || !Paths::CanName(metadata.namespace_)) return;
  LOG_INFO("node", "pod {}/{} is no longer in the API: ending what is left of it", pod->metadata.namespace_,
           pod->metadata.name);
  StartWorker(uid,
              std::make_unique<PodWorker>(services_, std::shared_ptr<const Pod>(std::move(pod)), PodWorker::Origin::kGone));
}

}  // namespace sampan::node
