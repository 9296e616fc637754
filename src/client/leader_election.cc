#include "client/leader_election.h"

#include <atomic>
#include <mutex>

#include "async/contain.h"
#include "async/oneshot.h"
#include "async/spawn.h"
#include "base/log.h"

namespace sampan::client {

struct LeaderElector::State {
  Client& client;
  Clock& clock;
  Rng& rng;
  LeaderElectionOptions options;
  std::atomic<bool> leading{false};
  mutable std::mutex mutex;
  std::string leader;  // under mutex

  // What was last seen of the lease, and when by our own clock.
  std::string seen_version;
  MonoTime seen_at{};
  bool seen = false;

  enum class Outcome : unsigned char { kHeld, kOther };
  // The field is 32 bits: a count that anybody has driven to its end must not keep leaders from the lease.
  static constexpr int64_t kMostTransitions = INT32_MAX;

  Ref LeaseRef() const {
    return Ref{api::FindKind("coordination.k8s.io/v1", "Lease"), options.lease_namespace, options.lease_name, ""};
  }
  void SetLeader(std::string_view identity) {
    std::lock_guard lock(mutex);
    leader = identity;
  }
  json::Object Spec(WallTime acquired, int64_t transitions) const {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options.lease_duration).count();
    return json::Object{{"holderIdentity", options.identity},
                        {"leaseDurationSeconds", seconds},
                        {"acquireTime", FormatMicroTime(acquired)},
                        {"renewTime", FormatMicroTime(clock.Now())},
                        {"leaseTransitions", transitions}};
  }
  void Saw(const api::Object& lease) {
    std::string version = fmt::format("{}/{}", lease.uid(), lease.revision());
    if (seen && version == seen_version) return;
    seen = true;
    seen_version = std::move(version);
    seen_at = clock.Monotonic();
  }

  Task<Result<Outcome>> TryAcquire();
  Task<void> Release();
  Task<bool> Acquire(CancelToken stop);
  Task<void> Renew(CancelToken stop);
};

// One attempt to take the lease or to renew it.
Task<Result<LeaderElector::State::Outcome>> LeaderElector::State::TryAcquire() {
  Result<ObjectPtr> got = co_await client.Get(LeaseRef());
  if (!got && !got.error().Is(Reason::kNotFound)) co_return Fail(std::move(got).error());
  json::Value body;
  if (!got) {
    body = json::Object{{"apiVersion", "coordination.k8s.io/v1"},
                        {"kind", "Lease"},
                        {"metadata", {{"name", options.lease_name}, {"namespace", options.lease_namespace}}},
                        {"spec", Spec(clock.Now(), 0)}};
    Ref ref = LeaseRef();
    ref.name.clear();
    CO_TRY(ObjectPtr created, co_await client.Create(std::move(ref), std::move(body)));
    Saw(*created);
    SetLeader(options.identity);
    co_return Outcome::kHeld;
  }
  Saw(**got);
  body = (*got)->Parse();
  std::string holder(json::FindString(json::Find(body, "spec", "holderIdentity")));
  SetLeader(holder);
  bool ours = holder == options.identity;
  bool expired = clock.Monotonic() - seen_at >= options.lease_duration;
  if (!ours && !holder.empty() && !expired) co_return Outcome::kOther;

  const json::Value* counted = json::Find(body, "spec", "leaseTransitions");
  int64_t transitions = counted != nullptr && counted->is_int64() ? counted->as_int64() : 0;
  transitions = std::clamp<int64_t>(transitions, 0, kMostTransitions - 1);
  std::optional<WallTime> acquired = ParseTime(json::FindString(json::Find(body, "spec", "acquireTime")));
  json::Object spec = ours && acquired ? Spec(*acquired, transitions) : Spec(clock.Now(), transitions + 1);
  json::Object* lease = body.if_object();
  if (lease == nullptr) co_return Fail(Error::InternalError("the lease is no object"));
  (*lease)["spec"] = std::move(spec);
  CO_TRY(ObjectPtr updated, co_await client.Update(LeaseRef(), std::move(body)));
  Saw(*updated);
  SetLeader(options.identity);
  co_return Outcome::kHeld;
}

// Leaves the lease without a holder, so that the next leader need not wait for it to expire.
Task<void> LeaderElector::State::Release() {
  Result<ObjectPtr> got = co_await client.Get(LeaseRef());
  if (!got) co_return;
  json::Value body = (*got)->Parse();
  if (json::FindString(json::Find(body, "spec", "holderIdentity")) != options.identity) co_return;
  body.as_object()["spec"].as_object()["holderIdentity"] = "";
  Result<ObjectPtr> released = co_await client.Update(LeaseRef(), std::move(body));
  if (!released) LOG_DEBUG("leader-election", "lease {} was not released: {}", options.lease_name, released.error());
}

Task<bool> LeaderElector::State::Acquire(CancelToken stop) {
  while (!stop.Requested()) {
    Result<Outcome> outcome = co_await Contained("leader election", TryAcquire());
    if (outcome && *outcome == Outcome::kHeld) co_return true;
    if (!outcome) LOG_DEBUG("leader-election", "lease {}: {}", options.lease_name, outcome.error());
    Duration jitter(rng.Below(static_cast<uint64_t>(options.retry_period.count() / 5 + 1)));
    co_await clock.Sleep(options.retry_period + jitter, stop);
  }
  co_return false;
}

// Returns when the lease is lost or `stop` comes.
Task<void> LeaderElector::State::Renew(CancelToken stop) {
  MonoTime renewed = clock.Monotonic();
  while (true) {
    bool waited = co_await clock.Sleep(options.retry_period, stop);
    if (!waited) co_return;
    Result<Outcome> outcome = co_await Contained("leader election", TryAcquire());
    if (outcome && *outcome == Outcome::kOther) co_return;
    if (outcome) {
      renewed = clock.Monotonic();
    } else if (clock.Monotonic() - renewed >= options.renew_deadline) {
      LOG_WARN("leader-election", "lease {} could not be renewed: {}", options.lease_name, outcome.error());
      co_return;
    }
  }
}

namespace {

// Who does not lead any more lets go of the lease, whether it was told to end or something escaped it.
Task<void> RunLead(const LeaderElector::Lead* lead, CancelSource* leading, Oneshot<bool>::Sender ended) {
  try {
    co_await (*lead)(leading->token());
  } catch (...) {
    (void)ReportEscape("leader");
  }
  leading->Cancel();
  ended.Set(true);
}

}  // namespace

LeaderElector::LeaderElector(Client& client, Clock& clock, Rng& rng, LeaderElectionOptions options)
    : state_(new State{client, clock, rng, std::move(options)}) {}
LeaderElector::~LeaderElector() = default;

Task<void> LeaderElector::Run(Lead lead, CancelToken stop) {
  State& state = *state_;
  Executor& executor = co_await ThisExecutor();
  while (!stop.Requested()) {
    bool acquired = co_await state.Acquire(stop);
    if (!acquired) break;
    LOG_INFO("leader-election", "{} leads by lease {}", state.options.identity, state.options.lease_name);
    state.leading = true;
    CancelSource leading(stop);
    Gate gate;
    Oneshot<bool> ended;
    Spawn(executor, gate, RunLead(&lead, &leading, ended.sender()));
    co_await state.Renew(leading.token());
    bool resigned = leading.token().Requested() && !stop.Requested();
    leading.Cancel();
    co_await ended.Wait();
    co_await gate.Close();
    state.leading = false;
    if (!resigned) continue;
    // Another may lead better; when nobody else wants to, the next round takes the lease again.
    co_await Contained("leader election", state.Release());
    co_await state.clock.Sleep(state.options.retry_period, stop);
  }
  co_await Contained("leader election", state.Release());
}

bool LeaderElector::leading() const {
  return state_->leading;
}

std::string LeaderElector::leader() const {
  std::lock_guard lock(state_->mutex);
  return state_->leader;
}

}  // namespace sampan::client
