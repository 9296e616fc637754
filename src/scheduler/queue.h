// The pods that wait for a node: ready to be tried, backing off after a failure, or found unschedulable until the cluster
// changes. Pure data; time comes in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "scheduler/pod_info.h"

namespace sampan::scheduler {

enum class FailureKind : unsigned char {
  kUnschedulable,  // it fits nowhere: wait for the cluster to change
  kError,          // the attempt broke: try again after a backoff
};

// Used on one strand. Pods are known by uid.
class Queue {
 public:
  static constexpr Duration kFirstBackoff = std::chrono::seconds(1);
  static constexpr Duration kLongestBackoff = std::chrono::seconds(10);
  // An unschedulable pod is tried again after this long even if nothing was seen to change.
  static constexpr Duration kUnschedulableLimit = std::chrono::minutes(5);

  // A new or changed pod. One that waits keeps its place; one found unschedulable is tried again when the change may help.
  enum class Change : bool { kStatusOnly, kMayHelp };
  void Put(PodInfoPtr pod, Change change, MonoTime now);
  void Remove(std::string_view uid);  // also while it is being tried

  // The next pods to try, highest priority first, then the longest waiting. They are in flight until Done or Fail.
  std::vector<PodInfoPtr> Pop(size_t limit, MonoTime now);
  void Done(std::string_view uid);
  void Fail(std::string_view uid, FailureKind kind, MonoTime now);

  // The cluster changed so that unschedulable pods may fit: they are tried again, those that just failed after their
  // backoff.
  void ClusterChanged(MonoTime now);
  // The same for a change of which pods are where: it concerns pods with relations only.
  void NeighboursChanged(MonoTime now);

  // When Pop will next have something; nothing when only a change can bring it.
  std::optional<MonoTime> NextWake() const;
  size_t waiting() const { return entries_.size() - in_flight_; }
  // Whether nothing is being tried or ready to be.
  bool idle() const { return active_.empty() && in_flight_ == 0; }

 private:
  enum class State : unsigned char { kActive, kBackoff, kUnschedulable, kInFlight };
  struct Entry {
    PodInfoPtr pod;
    State state = State::kActive;
    MonoTime since;      // first queued: the order among equals
    MonoTime until;      // kBackoff and kUnschedulable: when it becomes active by itself
    MonoTime failed_at;  // of the last attempt
    uint32_t attempts = 0;
    uint64_t popped_at_change = 0;
    uint64_t sequence = 0;
  };
  using ActiveKey = std::tuple<int64_t, MonoTime, uint64_t, std::string>;  // -priority, since, sequence, uid
  using TimedKey = std::pair<MonoTime, std::string>;                       // until, uid

  static ActiveKey KeyOf(const std::string& uid, const Entry& entry);
  void Enter(const std::string& uid, Entry& entry, State state);
  void Leave(const std::string& uid, Entry& entry);
  void Wake(std::set<std::string> uids, MonoTime now);
  static Duration BackoffOf(uint32_t attempts);

  std::unordered_map<std::string, Entry> entries_;
  std::set<ActiveKey> active_;
  std::set<TimedKey> timed_;  // backing off and unschedulable
  std::set<std::string> unschedulable_;
  std::set<std::string> related_;  // those of unschedulable_ that speak of other pods
  size_t in_flight_ = 0;
  uint64_t changes_ = 0;
  uint64_t next_sequence_ = 0;
};

}  // namespace sampan::scheduler
