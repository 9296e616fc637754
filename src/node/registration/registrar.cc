#include "node/registration/registrar.h"

#include "api/types/coordination.h"
#include "async/contain.h"
#include "base/log.h"

namespace sampan::node {

using api::coordination::Lease;
using api::core::Node;
using api::core::NodeStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
constexpr Duration kLeasePeriod = seconds(10);
constexpr int32_t kLeaseSeconds = 40;
constexpr Duration kStatusPeriod = seconds(10);
constexpr Duration kStatusAnyway = std::chrono::minutes(5);
constexpr Duration kRangePoll = milliseconds(50);
constexpr Duration kRangePatience = seconds(10);
constexpr Duration kRangeSlowPoll = seconds(1);
constexpr std::string_view kLeaseNamespace = "kube-node-lease";
}  // namespace

Registrar::Registrar(Deps deps, NodeIdentity identity, Machine machine, std::string data_dir)
    : deps_(deps), identity_(std::move(identity)), machine_(std::move(machine)), data_dir_(std::move(data_dir)) {}

Task<NodeFacts> Registrar::Facts() {
  NodeFacts facts;
  facts.identity = identity_;
  facts.machine = machine_;
  auto usage = co_await FetchMachineUsage(&deps_.blocking, data_dir_);
  if (usage) pressure_ = PressureOf(*usage);
  facts.pressure = pressure_;
  auto version = co_await deps_.runtime.Version();
  if (version) facts.runtime = *version;
  auto conditions = co_await deps_.runtime.Status();
  if (!conditions) {
    facts.not_ready = fmt::format("container runtime is down: {}", conditions.error());
  } else {
    for (const cri::RuntimeCondition& condition : *conditions) {
      if (condition.status || !facts.not_ready.empty()) continue;
      facts.not_ready = condition.type == "NetworkReady"
                            ? fmt::format("container runtime network not ready: NetworkReady=false reason:{} message:{}",
                                          condition.reason, condition.message)
                            : fmt::format("container runtime not ready: {}: {}", condition.reason, condition.message);
    }
  }
  auto images = co_await deps_.runtime.ListImages();
  if (images) facts.images = *std::move(images);
  facts.now = deps_.clock.Now();
  co_return facts;
}

Task<Result<void>> Registrar::Register(CancelToken stop) {
  Duration pause = milliseconds(100);
  while (true) {
    Result<void> done = co_await Contained("node registration", RegisterOnce());
    if (done) {
      registered_ = true;
      LOG_INFO("node", "registered as {} ({})", identity_.name, identity_.ip);
      co_return done;
    }
    LOG_WARN("node", "cannot register node {}: {}", identity_.name, done.error());
    bool slept = co_await deps_.clock.Sleep(pause, stop);
    if (!slept) co_return done;
    pause = std::min<Duration>(pause * 2, seconds(7));
  }
}

Task<Result<void>> Registrar::RegisterOnce() {
  NodeFacts facts = co_await Facts();
  auto present = co_await client::Get<Node>(deps_.client, "", identity_.name);
  if (!present && !present.error().Is(Reason::kNotFound)) co_return Fail(present.error());
  if (!present) {
    Node fresh = BuildNode(facts);
    // A node whose object was deleted keeps its range: its pods' addresses are from it.
    if (!pod_cidr_.empty()) {
      fresh.spec.pod_cidr = pod_cidr_;
      fresh.spec.pod_cidrs = {pod_cidr_};
    }
    CO_TRY(node_, co_await client::Create(deps_.client, std::move(fresh)));
  } else {
    node_ = *present;
  }
  json::Object labels;
  for (const auto& [key, value] : NodeLabels(facts)) {
    const std::string* old = node_->metadata.labels.Find(key);
    if (old == nullptr || *old != value) labels[key] = value;
  }
  if (!labels.empty()) {
    json::Value patch = json::Object{{"metadata", json::Object{{"labels", std::move(labels)}}}};
    CO_TRY(node_, co_await client::MergePatch<Node>(deps_.client, "", identity_.name, std::move(patch)));
  }
  CO_TRY_VOID(co_await StatusOnce());
  co_return Result<void>();
}

Task<Result<std::string>> Registrar::EnsurePodCidr(std::string cluster_cidr, CancelToken stop) {
  CO_TRY(pod_cidr_, co_await FindPodCidr(std::move(cluster_cidr), std::move(stop)));
  co_return pod_cidr_;
}

Task<Result<std::string>> Registrar::FindPodCidr(std::string cluster_cidr, CancelToken stop) {
  if (cluster_cidr.empty()) co_return node_->spec.pod_cidr;
  const MonoTime began = deps_.clock.Monotonic();
  Duration pause = kRangePoll;
  while (node_->spec.pod_cidr.empty()) {
    if (pause == kRangePoll && deps_.clock.Monotonic() - began >= kRangePatience) {
      LOG_WARN("node", "node {} has no range for its pods yet: the cluster's controllers hand them out", identity_.name);
      pause = kRangeSlowPoll;
    }
    bool slept = co_await deps_.clock.Sleep(pause, stop);
    if (!slept) co_return Fail(Error::Timeout("stopped before the node had a pod range"));
    CO_TRY(node_, co_await client::Get<Node>(deps_.client, "", identity_.name));
  }
  co_return node_->spec.pod_cidr;
}

Task<Result<void>> Registrar::RenewOnce() {
  if (lease_ == nullptr) {
    auto present = co_await client::Get<Lease>(deps_.client, std::string(kLeaseNamespace), identity_.name);
    if (present) lease_ = present->object();
    if (!present && !present.error().Is(Reason::kNotFound)) co_return Fail(present.error());
  }
  Lease lease = lease_ == nullptr ? Lease() : lease_->As<Lease>();
  lease.spec.holder_identity = identity_.name;
  lease.spec.lease_duration_seconds = kLeaseSeconds;
  lease.spec.renew_time = deps_.clock.Now();
  Result<client::TypedPtr<Lease>> written = Fail(Error::InternalError("not tried"));
  if (lease_ == nullptr) {
    lease.metadata.namespace_ = kLeaseNamespace;
    lease.metadata.name = identity_.name;
    // The Lease goes with its node.
    lease.metadata.owner_references = {{"v1", "Node", identity_.name, node_->metadata.uid, {}, {}}};
    written = co_await client::Create(deps_.client, std::move(lease));
  } else {
    written = co_await client::Update(deps_.client, std::move(lease));
  }
  lease_ = written ? written->object() : nullptr;
  if (!written) co_return Fail(written.error());
  co_return Result<void>();
}

Task<void> Registrar::RenewLease(CancelToken stop) {
  bool failing = false;  // an API that is away for an hour is worth two lines
  while (!stop.Requested()) {
    Result<void> renewed = co_await Contained("node lease", RenewOnce());
    if (!renewed && !failing) LOG_WARN("node", "cannot renew the node's Lease: {}; trying every second", renewed.error());
    if (renewed && failing) LOG_INFO("node", "the node's Lease is renewed again");
    failing = !renewed;
    // Sooner after a failure: four in a row and the node counts as lost.
    co_await deps_.clock.Sleep(renewed ? kLeasePeriod : Duration(seconds(1)), stop);
  }
}

Task<Result<void>> Registrar::StatusOnce() {
  NodeFacts facts = co_await Facts();
  auto current = co_await client::Get<Node>(deps_.client, "", identity_.name);
  if (!current) co_return Fail(current.error());
  node_ = *current;
  NodeStatus status = BuildNodeStatus(facts, node_->status);
  const bool due = !written_ || facts.now - *written_ >= kStatusAnyway;
  if (!due && SameButHeartbeats(status, node_->status)) co_return Result<void>();
  json::Value patch = json::Object{{"status", api::ToJson(status)}};
  CO_TRY(node_, co_await client::MergePatch<Node>(deps_.client, "", identity_.name, std::move(patch), "status"));
  written_ = facts.now;
  co_return Result<void>();
}

Task<void> Registrar::WriteStatusNow() {
  Result<void> written = co_await StatusOnce();
  if (!written && written.error().Is(Reason::kNotFound)) {  // somebody deleted the node: it is still here
    lease_ = nullptr;
    written = co_await RegisterOnce();
  }
  if (!written) LOG_WARN("node", "cannot write the node's status: {}", written.error());
}

Task<void> Registrar::WriteStatus(CancelToken stop) {
  while (!stop.Requested()) {
    co_await deps_.clock.Sleep(kStatusPeriod, stop);
    if (!stop.Requested()) co_await Contained("node status", WriteStatusNow());
  }
}

}  // namespace sampan::node
