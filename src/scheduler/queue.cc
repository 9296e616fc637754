#include "scheduler/queue.h"

#include <algorithm>

namespace sampan::scheduler {

Queue::ActiveKey Queue::KeyOf(const std::string& uid, const Entry& entry) {
  return {-static_cast<int64_t>(entry.pod->priority), entry.since, entry.sequence, uid};
}

Duration Queue::BackoffOf(uint32_t attempts) {
  Duration backoff = kFirstBackoff;
  for (uint32_t i = 1; i < attempts && backoff < kLongestBackoff; ++i) backoff *= 2;
  return std::min(backoff, kLongestBackoff);
}

void Queue::Enter(const std::string& uid, Entry& entry, State state) {
  entry.state = state;
  if (state == State::kActive) active_.insert(KeyOf(uid, entry));
  if (state == State::kBackoff || state == State::kUnschedulable) timed_.emplace(entry.until, uid);
  if (state == State::kUnschedulable) {
    unschedulable_.insert(uid);
    if (entry.pod->relations != nullptr) related_.insert(uid);
  }
  if (state == State::kInFlight) ++in_flight_;
}

void Queue::Leave(const std::string& uid, Entry& entry) {
  if (entry.state == State::kActive) active_.erase(KeyOf(uid, entry));
  if (entry.state == State::kBackoff || entry.state == State::kUnschedulable) timed_.erase({entry.until, uid});
  if (entry.state == State::kUnschedulable) {
    unschedulable_.erase(uid);
    related_.erase(uid);
  }
  if (entry.state == State::kInFlight) --in_flight_;
}

void Queue::Put(PodInfoPtr pod, Change change, MonoTime now) {
  std::string uid = pod->pod.uid();
  auto [it, added] = entries_.try_emplace(uid);
  Entry& entry = it->second;
  if (added) {
    entry.pod = std::move(pod);
    entry.since = now;
    entry.sequence = next_sequence_++;
    Enter(uid, entry, State::kActive);
    return;
  }
  State state = entry.state;
  Leave(uid, entry);
  entry.pod = std::move(pod);
  if (state == State::kUnschedulable && change == Change::kMayHelp) state = State::kActive;
  Enter(uid, entry, state);
}

void Queue::Remove(std::string_view uid) {
  auto it = entries_.find(std::string(uid));
  if (it == entries_.end()) return;
  Leave(it->first, it->second);
  entries_.erase(it);
}

std::vector<PodInfoPtr> Queue::Pop(size_t limit, MonoTime now) {
  while (!timed_.empty() && timed_.begin()->first <= now) {
    std::string uid = timed_.begin()->second;
    Entry& entry = entries_.at(uid);
    Leave(uid, entry);
    Enter(uid, entry, State::kActive);
  }
  std::vector<PodInfoPtr> pods;
  while (!active_.empty() && pods.size() < limit) {
    std::string uid = std::get<3>(*active_.begin());
    Entry& entry = entries_.at(uid);
    Leave(uid, entry);
    entry.popped_at_change = changes_;
    ++entry.attempts;
    Enter(uid, entry, State::kInFlight);
    pods.push_back(entry.pod);
  }
  return pods;
}

void Queue::Done(std::string_view uid) {
  Remove(uid);
}

void Queue::Fail(std::string_view uid, FailureKind kind, MonoTime now) {
  auto it = entries_.find(std::string(uid));
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  Leave(it->first, entry);
  entry.failed_at = now;
  // A change seen while the pod was being tried may be the one it waits for: back off instead of sleeping.
  bool backoff = kind == FailureKind::kError || entry.popped_at_change != changes_;
  entry.until = now + (backoff ? BackoffOf(entry.attempts) : kUnschedulableLimit);
  Enter(it->first, entry, backoff ? State::kBackoff : State::kUnschedulable);
}

void Queue::ClusterChanged(MonoTime now) {
  ++changes_;
  Wake(unschedulable_, now);
}

void Queue::NeighboursChanged(MonoTime now) {
  if (!related_.empty()) Wake(related_, now);
}

void Queue::Wake(std::set<std::string> uids, MonoTime now) {
  for (const std::string& uid : uids) {
    Entry& entry = entries_.at(uid);
    Leave(uid, entry);
    entry.until = entry.failed_at + BackoffOf(entry.attempts);
    Enter(uid, entry, entry.until <= now ? State::kActive : State::kBackoff);
  }
}

std::optional<MonoTime> Queue::NextWake() const {
  if (!active_.empty()) return MonoTime{};
  if (timed_.empty()) return std::nullopt;
  return timed_.begin()->first;
}

}  // namespace sampan::scheduler
