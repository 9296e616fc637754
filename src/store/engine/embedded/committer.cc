#include "store/engine/embedded/committer.h"

#include <pthread.h>

#include <algorithm>

#include "base/contain.h"
#include "base/log.h"

namespace sampan::store::embedded {
namespace {

constexpr Revision kCompactStep = 1000;  // revisions forgotten at a time, between groups

}  // namespace

Committer::Committer(Database& database, WatchHub& hub, Positions& positions, Index index, const EmbeddedOptions& options)
    : database_(database),
      hub_(hub),
      positions_(positions),
      options_(options),
      index_(std::move(index)),
      compacted_(positions.compact),
      thread_([this] {
        while (!Contain("store batch", [this] { Run(); })) GiveUpGroup();
      }) {
  pthread_setname_np(thread_.native_handle(), "store-commit");
}

Committer::~Committer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
  const Error stopped = Error::ServiceUnavailable("the store is shutting down");
  RefuseWaiting(stopped);
}

// The thread is told with the mutex held: whoever gets the answer may end the store at once.
void Committer::Write(WriteRequest request, Sender sender) {
  std::lock_guard lock(mutex_);
  requests_.push_back(std::move(request));
  senders_.push_back(std::move(sender));
  if (requests_.size() == 1) changed_.notify_one();  // else it was told already
}

void Committer::Compact(Revision revision, Sender sender) {
  std::lock_guard lock(mutex_);
  new_compactions_.push_back({revision, std::move(sender)});
  changed_.notify_one();
}

void Committer::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    auto called = [this] { return stopping_ || !requests_.empty() || !new_compactions_.empty(); };
    std::optional<Error> unwell = Health();
    if (!unwell && index_doubtful_) unwell = Error::ServiceUnavailable("the store reads its index anew");
    if (unwell) {
      changed_.wait_until(lock, next_attempt_, called);
    } else if (CompactTarget() <= compacted_) {
      changed_.wait(lock, called);
    }
    if (stopping_) return;
    std::vector<WriteRequest> requests = std::exchange(requests_, {});
    taken_ = std::make_shared<std::vector<Sender>>(std::exchange(senders_, {}));
    std::ranges::move(std::exchange(new_compactions_, {}), std::back_inserter(compactions_));
    lock.unlock();
    if (unwell) {
      Answer(taken_, *unwell);
      FinishCompactions(unwell);
      Retry();
    } else {
      if (!requests.empty()) CommitGroup(std::move(requests), taken_);
      taken_.reset();
      if (!Health()) CompactStep();
    }
    lock.lock();
  }
}

void Committer::Answer(const Senders& senders, const Error& error) {
  for (Sender& sender : *senders) Contain("answer of the store", [&] { sender.Set(Fail(error)); });
}

// All that may fail comes before the commit: what is on disk is delivered and acknowledged.
void Committer::CommitGroup(std::vector<WriteRequest> requests, const Senders& senders) {
  Group group = StageGroup(std::move(requests), index_, positions_.current);
  const Revision reached = group.writes.empty() ? positions_.current.load() : group.writes.back().revision;
  auto acknowledge = [senders, outcomes = std::move(group.outcomes)]() mutable {
    for (size_t i = 0; i < senders->size(); ++i) {
      Contain("answer of the store", [&] { (*senders)[i].Set(std::move(outcomes[i])); });
    }
  };
  WatchHub::Delivery delivery;
  delivery.push_back({EventsOf(group), reached, std::move(acknowledge)});
  if (!group.writes.empty()) {
    if (Result<void> committed = database_.Commit(group.writes); !committed) {
      RollBack(group, index_);
      Degrade(committed.error());
      Answer(senders, *Health());
      return;
    }
    positions_.current = reached;
    NoteHistory(reached, group);
  }
  hub_.Deliver(std::move(delivery));
}

void Committer::NoteHistory(Revision reached, const Group& group) {
  size_t bytes = 0;
  for (const auto& write : group.writes) bytes += write.value ? write.value->size() : 0;
  history_.emplace_back(reached, bytes);
  history_bytes_ += bytes;
  while (history_.size() > 1 && (history_bytes_ > options_.history_bytes || history_.front().first <= compacted_)) {
    if (history_.front().first > compacted_) too_much_ = history_.front().first;
    history_bytes_ -= history_.front().second;
    history_.pop_front();
  }
}

// After something escaped: nobody knows what of the group is staged or written.
void Committer::GiveUpGroup() noexcept {
  index_doubtful_ = true;
  Contain("store batch", [this] { Degrade(Error::InternalError("a group of writes was lost")); });
  if (taken_) Contain("store batch", [this] { Answer(taken_, Error::ServiceUnavailable("the store lost this write")); });
}

Revision Committer::CompactTarget() const {
  Revision target = compacted_;
  for (const Compaction& compaction : compactions_) target = std::max(target, compaction.revision);
  const Revision current = positions_.current;
  const auto kept = static_cast<Revision>(options_.history_limit);
  target = std::max(target, too_much_);
  if (current - compacted_ > kept + kCompactStep) target = std::max(target, current - kept);
  return target;
}

void Committer::CompactStep() {
  const Revision target = CompactTarget();
  if (target > compacted_) {
    const Revision to = std::min(target, compacted_ + kCompactStep);
    if (positions_.compact < to) positions_.compact = to;
    if (Result<void> done = database_.Compact(compacted_, to); !done) {
      Degrade(done.error());
      FinishCompactions(*Health());
      return;
    }
    compacted_ = to;
  }
  FinishCompactions(std::nullopt);
}

void Committer::FinishCompactions(const std::optional<Error>& error) {
  std::erase_if(compactions_, [&](Compaction& compaction) {
    if (error) {
      compaction.sender.Set(Fail(*error));
    } else if (compaction.revision <= compacted_) {
      compaction.sender.Set(compacted_);
    } else {
      return false;
    }
    return true;
  });
}

void Committer::Degrade(const Error& error) {
  LOG_ERROR("store", "writes are refused until the disk accepts them again: {}", error);
  *health_.Lock() = Error::ServiceUnavailable("the store refuses writes: {}", error);
  next_attempt_ = std::chrono::steady_clock::now() + options_.retry_interval;
}

void Committer::Retry() {
  if (std::chrono::steady_clock::now() < next_attempt_) return;
  if (Result<void> resumed = Resume(); !resumed) {
    *health_.Lock() = Error::ServiceUnavailable("the store refuses writes: {}", resumed.error());
  }
  next_attempt_ = std::chrono::steady_clock::now() + options_.retry_interval;
}

// The failed group may or may not be on disk. Opening anew tells: what recovery brings back was committed, although its
// writers were told otherwise, and is delivered like any other write. Its revisions are used up either way once seen.
Result<void> Committer::Resume() {
  TRY_VOID(database_.Probe());
  TRY_VOID(database_.Reopen());
  TRY(Database::State state, database_.ReadState());
  const Revision known = positions_.current;
  if (state.current_revision < known) {
    return Fail(Error::ServiceUnavailable("the store lost writes: revision {} on disk, {} acknowledged",
                                          state.current_revision, known));
  }
  if (state.current_revision > known) {
    TRY(std::vector<Event> events,
        database_.ReadLog(known + 1, state.current_revision, static_cast<size_t>(state.current_revision - known),
                          [](std::string_view) { return true; }));
    if (!index_doubtful_) {
      for (const Event& event : events) ApplyToIndex(event, index_);
    }
    WatchHub::Delivery delivery;
    delivery.push_back({std::move(events), state.current_revision, nullptr});
    positions_.current = state.current_revision;
    hub_.Deliver(std::move(delivery));
  }
  if (index_doubtful_) TRY_VOID(ReadIndex());
  compacted_ = state.compact_revision;
  *health_.Lock() = std::nullopt;
  LOG_INFO("store", "writes are accepted again at revision {}", state.current_revision);
  return {};
}

Result<void> Committer::ReadIndex() {
  Index index;
  TRY_VOID(
      database_.ScanLatest([&](std::string_view key, Revision mod, Revision create) { index.Set(key, {mod, create}); }));
  index_ = std::move(index);
  index_doubtful_ = false;
  return {};
}

void Committer::RefuseWaiting(const Error& error) {
  for (Sender& sender : senders_) sender.Set(Fail(error));
  std::ranges::move(new_compactions_, std::back_inserter(compactions_));
  FinishCompactions(error);
}

}  // namespace sampan::store::embedded
