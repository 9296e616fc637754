#include "controllers/podgc/podgc.h"

#include "base/log.h"
#include "client/typed.h"
#include "controllers/podgc/plan.h"

namespace sampan::controllers {
namespace {

using api::core::Node;
using api::core::Pod;

constexpr Duration kPeriod = std::chrono::seconds(20);
// How long a node must be missing before its pods are given up: it may be registering itself anew.
constexpr Duration kQuarantine = std::chrono::seconds(40);
constexpr std::string_view kOrphanMessage = "PodGC: node no longer exists";

class PodGarbageCollector final : public KeyedController {
 public:
  PodGarbageCollector(World world, int terminated_threshold)
      : KeyedController(world, {.name = "pod-garbage-collector-controller", .workers = 0}),
        terminated_threshold_(terminated_threshold) {}

 private:
  void Subscribe() override {
    pods_ = Source<Pod>();
    nodes_ = Source<Node>();
  }
  Task<Result<void>> Sync(std::string) override { co_return Result<void>(); }

  Task<void> Background(CancelToken stop) override {
    while (!stop.Requested()) {
      bool waited = co_await world_.clock.Sleep(kPeriod, stop);
      if (!waited) co_return;
      std::vector<PodPtr> pods = pods_.List();
      std::unordered_set<std::string> vanished = co_await VanishedNodes(pods);
      for (podgc::Doomed& doomed : podgc::PlanPodGc({pods, vanished, terminated_threshold_})) {
        if (stop.Requested()) co_return;
        Result<void> removed = co_await Remove(std::move(doomed));
        if (!removed) LOG_WARN("podgc", "{}", removed.error());
      }
    }
  }

  // Nodes that pods are bound to and that are missing for kQuarantine, by the server's own word.
  Task<std::unordered_set<std::string>> VanishedNodes(const std::vector<PodPtr>& pods) {
    std::unordered_map<std::string, MonoTime> missing;
    MonoTime now = world_.clock.Monotonic();
    for (const PodPtr& pod : pods) {
      const std::string& node = pod->spec.node_name;
      if (node.empty() || nodes_->cache().Get("", node) != nullptr) continue;
      auto since = missing_since_.find(node);
      missing.emplace(node, since == missing_since_.end() ? now : since->second);
    }
    missing_since_ = std::move(missing);
    std::unordered_set<std::string> vanished;
    std::vector<std::pair<std::string, MonoTime>> candidates(missing_since_.begin(), missing_since_.end());
    for (const auto& [node, since] : candidates) {
      if (now - since < kQuarantine) continue;
      auto found = co_await client::Get<Node>(world_.client, "", node);
      if (!found && found.error().Is(Reason::kNotFound)) vanished.insert(node);
    }
    co_return vanished;
  }

  Task<Result<void>> Remove(podgc::Doomed doomed) {
    const PodPtr& pod = doomed.pod;
    if (doomed.orphaned) {
      api::core::PodStatus status = pod->status;
      status.phase = "Failed";
      std::erase_if(status.conditions, [](const auto& condition) { return condition.type == "DisruptionTarget"; });
      status.conditions.push_back({.type = "DisruptionTarget",
                                   .status = "True",
                                   .last_transition_time = world_.clock.Now(),
                                   .reason = "DeletionByPodGC",
                                   .message = std::string(kOrphanMessage)});
      Result<ObjectPtr> marked = co_await UpdateStatus(world_.client, pod.object(), api::ToJson(status));
      if (!marked && marked.error().Is(Reason::kNotFound)) co_return Result<void>();
      if (!marked) co_return Fail(std::move(marked).error());
    }
    Result<void> removed = co_await client::Delete<Pod>(world_.client, pod.namespace_(), pod.name(),
                                                        {.grace_period_seconds = 0, .uid_precondition = pod.uid()});
    if (!removed && !removed.error().Is(Reason::kNotFound)) co_return Fail(std::move(removed).error());
    co_return Result<void>();
  }

  const int terminated_threshold_;
  client::Informer<Pod> pods_;
  client::Informer<Node> nodes_;
  std::unordered_map<std::string, MonoTime> missing_since_;
};

}  // namespace

std::unique_ptr<Controller> NewPodGarbageCollector(World world, int terminated_threshold) {
  return std::make_unique<PodGarbageCollector>(world, terminated_threshold);
}

}  // namespace sampan::controllers
