#include "controllers/podgc/podgc.h"

#include "api/types/discovery.h"
#include "base/log.h"
#include "client/typed.h"
#include "controllers/podgc/plan.h"

namespace sampan::controllers {
namespace {

using api::core::Node;
using api::core::Pod;
using api::discovery::EndpointSlice;
using SlicePtr = client::TypedPtr<EndpointSlice>;

constexpr Duration kPeriod = std::chrono::seconds(20);
// How long a node must be missing before its pods are given up: it may be registering itself anew.
constexpr Duration kQuarantine = std::chrono::seconds(40);
constexpr std::string_view kOutOfService = "node.kubernetes.io/out-of-service";
// Each node's DNS server has a slice of its own, which nobody owns.
constexpr char kDnsSlices[] = "endpointslice.kubernetes.io/managed-by=dns.sampan.io";

class PodGarbageCollector final : public KeyedController {
 public:
  PodGarbageCollector(World world, int terminated_threshold)
      : KeyedController(world, {.name = "pod-garbage-collector-controller", .workers = 0}),
        terminated_threshold_(terminated_threshold) {}

 private:
  void Subscribe() override {
    pods_ = Source<Pod>();
    nodes_ = Source<Node>();
    slices_ = Source<EndpointSlice>({.namespace_ = "kube-system", .label_selector = kDnsSlices});
  }
  Task<Result<void>> Sync(std::string) override { co_return Result<void>(); }

  Task<void> Background(CancelToken stop) override {
    while (!stop.Requested()) {
      bool waited = co_await world_.clock.Sleep(kPeriod, stop);
      if (!waited) co_return;
      std::vector<PodPtr> pods = pods_.List();
      std::vector<SlicePtr> slices = slices_.List();
      std::unordered_set<std::string> vanished = co_await VanishedNodes(pods, slices);
      std::unordered_set<std::string> dead = DeadNodes();
      for (podgc::Doomed& doomed : podgc::PlanPodGc({pods, vanished, dead, terminated_threshold_})) {
        if (stop.Requested()) co_return;
        Result<void> removed = co_await Remove(std::move(doomed));
        if (!removed) LOG_WARN("podgc", "{}", removed.error());
      }
      for (const SlicePtr& slice : slices) {
        if (!vanished.contains(NodeOf(*slice))) continue;
        Result<void> removed = co_await client::Delete<EndpointSlice>(world_.client, slice.namespace_(), slice.name(),
                                                                      {.uid_precondition = slice.uid()});
        if (!removed && !removed.error().Is(Reason::kNotFound)) LOG_WARN("podgc", "{}", removed.error());
      }
    }
  }

  // The node whose DNS server the slice names.
  static std::string NodeOf(const EndpointSlice& slice) {
    return slice.endpoints.empty() ? std::string() : slice.endpoints.front().node_name;
  }

  std::unordered_set<std::string> DeadNodes() const {
    std::unordered_set<std::string> dead;
    for (const auto& node : nodes_.List()) {
      bool off = std::ranges::any_of(node->spec.taints, [](const auto& taint) { return taint.key == kOutOfService; });
      bool ready = std::ranges::any_of(node->status.conditions, [](const auto& condition) {
        return condition.type == "Ready" && condition.status == "True";
      });
      if (off && !ready) dead.insert(node.name());
    }
    return dead;
  }

  // Nodes that pods are bound to or slices name and that are missing for kQuarantine, by the server's own word.
  Task<std::unordered_set<std::string>> VanishedNodes(const std::vector<PodPtr>& pods, const std::vector<SlicePtr>& slices) {
    std::unordered_map<std::string, MonoTime> missing;
    MonoTime now = world_.clock.Monotonic();
    auto look = [&](const std::string& node) {
      if (node.empty() || nodes_->cache().Get("", node) != nullptr) return;
      auto since = missing_since_.find(node);
      missing.emplace(node, since == missing_since_.end() ? now : since->second);
    };
    for (const PodPtr& pod : pods) look(pod->spec.node_name);
    for (const SlicePtr& slice : slices) look(NodeOf(*slice));
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
    if (!doomed.why.empty()) {
      api::core::PodStatus status = pod->status;
      status.phase = "Failed";
      std::erase_if(status.conditions, [](const auto& condition) { return condition.type == "DisruptionTarget"; });
      status.conditions.push_back({.type = "DisruptionTarget",
                                   .status = "True",
                                   .last_transition_time = world_.clock.Now(),
                                   .reason = "DeletionByPodGC",
                                   .message = std::string(doomed.why)});
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
  client::Informer<EndpointSlice> slices_;
  std::unordered_map<std::string, MonoTime> missing_since_;
};

}  // namespace

std::unique_ptr<Controller> NewPodGarbageCollector(World world, int terminated_threshold) {
  return std::make_unique<PodGarbageCollector>(world, terminated_threshold);
}

}  // namespace sampan::controllers
