#include "apiserver/gate/places.h"

#include <algorithm>

#include "apiserver/errors.h"
#include "base/rng.h"

namespace sampan::apiserver {

namespace {

constexpr size_t kBuckets = 4096;
// What is kept of a flow's places: one of so many.
constexpr int64_t kKeptPart = 4;
constexpr std::string_view kComponentPrefix = "system:kube-";
constexpr std::string_view kControllerManager = "system:kube-controller-manager";
constexpr std::string_view kScheduler = "system:kube-scheduler";
constexpr std::string_view kAccountPrefix = "system:serviceaccount:";
constexpr std::string_view kSystemAccounts = "system:serviceaccounts:kube-system";

Flow FlowOf(const RequestInfo& info) {
  if (info.long_running()) return Flow::kLongRunning;
  return info.mutating() ? Flow::kMutating : Flow::kReadOnly;
}

Rank RankOf(const auth::UserInfo& user) {
  if (user.InGroup(auth::kMastersGroup) || user.name == kControllerManager || user.name == kScheduler) return Rank::kExempt;
  const bool system = user.name.starts_with(kComponentPrefix) || user.InGroup(kSystemAccounts);
  return system || user.InGroup(auth::kNodesGroup) ? Rank::kNode : Rank::kUser;
}

// Service accounts share with all of their namespace: whoever may make one may make many.
std::string_view AccountOf(std::string_view user) {
  return user.starts_with(kAccountPrefix) ? user.substr(0, user.rfind(':')) : user;
}

}  // namespace

// The seed is nobody's to know, and decides nothing that a run with a seed of its own has to repeat.
Places::Places(const PlaceLimits& limits) : seed_(NewSystemRng()->Next()) {
  const size_t all[kFlows] = {limits.readonly, limits.mutating, limits.long_running};
  for (size_t i = 0; i < kFlows; ++i) {
    flows_[i].limit = static_cast<int64_t>(all[i]);
    flows_[i].accounts = std::vector<std::atomic<int64_t>>(kBuckets);
  }
}

FlowSchema Places::Classify(const ApiRequest& request) {
  return {FlowOf(request.info), RankOf(request.user), AccountOf(request.user.name)};
}

Place::Counts Places::CountsOf(const FlowSchema& schema) {
  OfFlow& flow = flows_[static_cast<size_t>(schema.flow)];
  Place::Counts counts{&flow.all, nullptr, nullptr};
  if (schema.rank == Rank::kUser) counts[1] = &flow.users;
  if (schema.rank == Rank::kUser || schema.rank == Rank::kNode) {
    uint64_t hash = seed_;
    for (char c : schema.account) hash = (hash ^ static_cast<unsigned char>(c)) * 0x9E3779B97F4A7C15;
    counts[2] = &flow.accounts[(hash >> 32) % kBuckets];
  }
  return counts;
}

// Asked when the place is counted already.
bool Places::Fits(const FlowSchema& schema, const Place::Counts& counts) const {
  if (schema.rank == Rank::kExempt) return true;
  const OfFlow& flow = flows_[static_cast<size_t>(schema.flow)];
  int64_t taken = counts[0]->load(std::memory_order_relaxed);
  if (taken > flow.limit) return false;
  int64_t limit = flow.limit;
  if (schema.rank == Rank::kUser) {
    limit -= limit / kKeptPart;
    taken = counts[1]->load(std::memory_order_relaxed);
  }
  if (taken > limit) return false;
  int64_t own = counts[2]->load(std::memory_order_relaxed);
  return own <= std::max<int64_t>((limit - (taken - own)) / 2, 1);
}

Task<Result<Place>> Places::Acquire(FlowSchema schema) {
  const Place::Counts counts = CountsOf(schema);
  for (std::atomic<int64_t>* count : counts) {
    if (count != nullptr) count->fetch_add(1, std::memory_order_relaxed);
  }
  Place place(counts);
  if (Fits(schema, counts)) co_return place;
  refused_.fetch_add(1, std::memory_order_relaxed);
  co_return Fail(TooManyRequestsError());
}

}  // namespace sampan::apiserver
