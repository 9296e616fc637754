#include "node/simulate/simulation.h"

#include <atomic>
#include <deque>
#include <span>
#include <unordered_set>

#include "api/types/coordination.h"
#include "api/types/core.h"
#include "async/spawn.h"
#include "base/log.h"
#include "client/typed.h"
#include "node/simulate/objects.h"

namespace sampan::node {
namespace {

using api::coordination::Lease;
using api::core::Node;
using api::core::Pod;
using PodPtr = client::TypedPtr<Pod>;

constexpr Duration kRetryDelay = std::chrono::seconds(1);
constexpr Duration kFailurePause = std::chrono::seconds(1);  // between two lines of the log about failed requests
constexpr int kRenewalSteps = 100;                           // in a Lease period

bool Finished(const Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}

}  // namespace

class Simulation::Impl {
 public:
  Impl(const Dependencies& dependencies, SimulationOptions options)
      : client_(dependencies.client),
        clock_(dependencies.clock),
        strand_(NewStrand(dependencies.pool)),
        options_(std::move(options)),
        pods_(dependencies.informers.For<Pod>()) {
    for (int64_t i = 0; i < options_.nodes; ++i) names_.push_back(fmt::format("{}-{}", options_.name_prefix, i));
    mine_.insert(names_.begin(), names_.end());
  }

  Executor& strand() { return *strand_; }
  SimulationCounts counts() const { return {nodes_registered_, started_, removed_, failures_}; }

  Task<Result<void>> Run(CancelToken stop) {
    co_await ForEach(names_, &Impl::Register);
    if (nodes_registered_ == 0) co_return Fail(Error::ServiceUnavailable("no simulated node could be registered"));
    LOG_INFO("simulate", "{} nodes registered", nodes_registered_.load());
    {
      auto subscription = pods_->Subscribe(*strand_, Handlers());
      co_await KeepLeases(stop);
    }
    waiting_.clear();
    co_await gate_.Close();
    co_await ForEach(names_, &Impl::Remove);
    co_return Result<void>();
  }

 private:
  using NodeStep = Task<void> (Impl::*)(std::string name);

  // Takes the step for all of `names`, `requests_in_flight` at a time.
  Task<void> ForEach(std::span<const std::string> names, NodeStep step) {
    size_t next = 0;
    std::vector<Task<void>> workers;
    for (size_t i = 0; i < std::min(options_.requests_in_flight, names.size()); ++i) {
      workers.push_back(StepWorker(names, step, &next));
    }
    co_await WhenAll(std::move(workers));
  }

  Task<void> StepWorker(std::span<const std::string> names, NodeStep step, size_t* next) {
    while (*next < names.size()) {
      std::string name = names[(*next)++];
      co_await (this->*step)(std::move(name));
    }
  }

  // Spreads the renewals evenly over the period, like those of machines that started at different times.
  Task<void> KeepLeases(CancelToken stop) {
    MonoTime began = clock_.Monotonic();
    uint64_t renewed = 0;
    while (co_await clock_.Sleep(options_.lease_period / kRenewalSteps, stop)) {
      std::chrono::duration<double> periods = clock_.Monotonic() - began;
      auto due = static_cast<uint64_t>(periods / options_.lease_period * static_cast<double>(names_.size()));
      if (due > renewed + names_.size()) renewed = due - names_.size();  // what is overdue is due once
      std::vector<std::string> batch;
      for (; renewed < due; ++renewed) batch.push_back(names_[renewed % names_.size()]);
      co_await ForEach(batch, &Impl::RenewLease);
    }
  }

  Task<void> Register(std::string name) {
    json::Value node = simulate::NodeObject(options_, name, clock_.Now());
    auto created = co_await client_.Create(client::RefOf<Node>("", name), node);
    if (!created && !created.error().Is(Reason::kAlreadyExists)) co_return Failed("registering", name, created.error());
    // Creation may drop the status; the node has it for certain after this.
    json::Value status = json::Object{{"status", node.at("status")}};
    auto patched = co_await client_.Patch(client::RefOf<Node>("", name, "status"), std::move(status),
                                          {.type = client::PatchType::kMerge, .field_manager = "sampan-simulate"});
    if (!patched) co_return Failed("status of", name, patched.error());
    auto lease =
        co_await client_.Create(client::RefOf<Lease>("kube-node-lease", name), simulate::LeaseObject(name, clock_.Now()));
    if (!lease && !lease.error().Is(Reason::kAlreadyExists)) co_return Failed("lease of", name, lease.error());
    ++nodes_registered_;
  }

  Task<void> RenewLease(std::string name) {
    auto renewed =
        co_await client_.Patch(client::RefOf<Lease>("kube-node-lease", name), simulate::LeaseRenewal(clock_.Now()),
                               {.type = client::PatchType::kMerge, .field_manager = "sampan-simulate"});
    if (!renewed) Failed("renewing", name, renewed.error());
  }

  Task<void> Remove(std::string name) {
    auto lease = co_await client_.Delete(client::RefOf<Lease>("kube-node-lease", name), {});
    auto node = co_await client_.Delete(client::RefOf<Node>("", name), {});
    if (!node) Failed("removing", name, node.error());
    if (!lease) Failed("removing the lease of", name, lease.error());
  }

  client::ObjectHandlers Handlers() {
    return {.added = [this](const client::ObjectPtr& pod) { Look(PodPtr(pod)); },
            .updated = [this](const client::ObjectPtr&, const client::ObjectPtr& after) { Look(PodPtr(after)); },
            .deleted = nullptr};
  }

  void Look(const PodPtr& pod) {
    if (mine_.contains(pod->spec.node_name) && NeedsWork(*pod) && busy_.insert(pod.uid()).second) {
      waiting_.push_back(pod);
      Pump();
    }
  }

  static bool NeedsWork(const Pod& pod) {
    return pod.metadata.deletion_timestamp.has_value() || (pod.status.phase != "Running" && !Finished(pod));
  }

  // Plays as many of the waiting pods as may be under way.
  void Pump() {
    while (!waiting_.empty() && playing_ < options_.requests_in_flight) {
      ++playing_;
      Spawn(*strand_, gate_, PlayPod(std::move(waiting_.front())));
      waiting_.pop_front();
    }
  }

  Task<void> PlayPod(PodPtr pod) {
    co_await TakeStep(std::move(pod));
    --playing_;
    Pump();
  }

  // One step; again after a while when it failed.
  Task<void> TakeStep(PodPtr pod) {
    while (pod && NeedsWork(*pod)) {
      std::optional<api::Revision> settled = co_await Step(pod);
      PodPtr current = pods_.Get(pod.namespace_(), pod.name());
      if (settled) {
        busy_.erase(pod.uid());
        // What came while the step was under way was not queued; what comes from now on is.
        if (current && current.object()->revision() > *settled) Look(current);
        co_return;
      }
      co_await clock_.Sleep(kRetryDelay);
      pod = pods_.Get(pod.namespace_(), pod.name());
    }
    if (pod) busy_.erase(pod.uid());
  }

  // The revision that the step made (0 when the pod is gone); nothing when it failed.
  Task<std::optional<api::Revision>> Step(PodPtr pod) {
    if (pod.object()->deleting()) {
      auto deleted = co_await client_.Delete(client::RefOf<Pod>(pod.namespace_(), pod.name()),
                                             {.grace_period_seconds = 0, .uid_precondition = pod.uid()});
      if (!deleted) co_return Settled("removing", pod, deleted.error());
      ++removed_;
      co_return 0;
    }
    if (options_.pod_start_delay > Duration(0)) co_await clock_.Sleep(options_.pod_start_delay);
    auto patched = co_await client_.Patch(client::RefOf<Pod>(pod.namespace_(), pod.name(), "status"),
                                          simulate::RunningStatus(*pod, next_address_++, clock_.Now()),
                                          {.type = client::PatchType::kMerge, .field_manager = "sampan-simulate"});
    if (!patched) co_return Settled("starting", pod, patched.error());
    ++started_;
    co_return (*patched)->revision();
  }

  // A pod that is gone or replaced needs nothing more.
  std::optional<api::Revision> Settled(std::string_view what, const PodPtr& pod, const Error& error) {
    if (error.Is(Reason::kNotFound) || error.Is(Reason::kConflict)) return 0;
    Failed(what, pod.name(), error);
    return std::nullopt;
  }

  // A server that is away fails thousands of requests at once: one line tells of them.
  void Failed(std::string_view what, std::string_view name, const Error& error) {
    ++failures_;
    MonoTime now = clock_.Monotonic();
    if (told_ && now - *told_ < kFailurePause) {
      ++untold_;
      return;
    }
    told_ = now;
    if (size_t others = std::exchange(untold_, 0); others > 0) LOG_WARN("simulate", "{} more requests failed", others);
    LOG_WARN("simulate", "{} {}: {}", what, name, error);
  }

  client::Client& client_;
  Clock& clock_;
  std::unique_ptr<Executor> strand_;
  SimulationOptions options_;
  client::Informer<Pod> pods_;
  std::vector<std::string> names_;
  std::unordered_set<std::string> mine_;
  std::atomic<int64_t> nodes_registered_{0}, started_{0}, removed_{0}, failures_{0};

  // Below: touched on the strand only.
  std::deque<PodPtr> waiting_;
  size_t playing_ = 0;
  std::unordered_set<std::string> busy_;  // uids waiting or being played
  uint32_t next_address_ = 1;
  std::optional<MonoTime> told_;  // when the log last told of a failure
  size_t untold_ = 0;             // failures since
  Gate gate_;
};

Simulation::Simulation(const Dependencies& dependencies, SimulationOptions options)
    : impl_(std::make_unique<Impl>(dependencies, std::move(options))) {}
Simulation::~Simulation() = default;

Task<Result<void>> Simulation::Run(CancelToken stop) {
  return RunOn(impl_->strand(), impl_->Run(std::move(stop)));
}
SimulationCounts Simulation::counts() const {
  return impl_->counts();
}

}  // namespace sampan::node
