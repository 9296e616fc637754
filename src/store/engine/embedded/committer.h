// The one thread that writes: takes all waiting writes as a group, decides them, commits them with one sync, and hands
// them to the watch hub, which delivers and acknowledges. It also compacts, step by step between groups, and after a
// failed write brings the database back. What escapes a group (no memory) is such a failure, too: nothing of it was
// acknowledged, and the index is read anew from the disk.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "store/engine/embedded/group.h"
#include "store/engine/embedded/watch_hub.h"

namespace sampan::store::embedded {

class Committer {
 public:
  using Sender = Oneshot<Result<Revision>>::Sender;

  struct Positions {
    std::atomic<Revision> current{0};  // durable
    std::atomic<Revision> compact{0};  // moved before anything is forgotten
  };

  // Everything borrowed outlives the committer.
  Committer(Database& database, WatchHub& hub, Positions& positions, Index index, const EmbeddedOptions& options);
  ~Committer();  // writes that still wait fail with ServiceUnavailable

  void Write(WriteRequest request, Sender sender);
  // Answers once everything below `revision` is forgotten.
  void Compact(Revision revision, Sender sender);
  std::optional<Error> Health() const { return *health_.ReadLock(); }

 private:
  struct Compaction {
    Revision revision = 0;
    Sender sender;
  };
  using Senders = std::shared_ptr<std::vector<Sender>>;
  static void Answer(const Senders& senders, const Error& error);
  void Run();  // returns when stopping
  void CommitGroup(std::vector<WriteRequest> requests, const Senders& senders);
  void GiveUpGroup() noexcept;
  Result<void> ReadIndex();
  void CompactStep();
  void FinishCompactions(const std::optional<Error>& error);
  Revision CompactTarget() const;
  void NoteHistory(Revision reached, const Group& group);
  void Degrade(const Error& error);
  void Retry();
  Result<void> Resume();
  void RefuseWaiting(const Error& error);

  Database& database_;
  WatchHub& hub_;
  Positions& positions_;
  const EmbeddedOptions options_;
  Guarded<std::optional<Error>> health_;

  std::mutex mutex_;  // guards what callers hand over
  std::condition_variable changed_;
  std::vector<WriteRequest> requests_;
  std::vector<Sender> senders_;
  std::vector<Compaction> new_compactions_;
  bool stopping_ = false;

  // Of the thread:
  Index index_;
  bool index_doubtful_ = false;  // something escaped while a group was staged in it
  Senders taken_;                // of the group that is being written
  std::vector<Compaction> compactions_;
  Revision compacted_ = 0;  // on disk
  // What groups brought that is still kept, by the revision that each reached; of earlier starts nothing is known.
  std::deque<std::pair<Revision, size_t>> history_;
  size_t history_bytes_ = 0;
  Revision too_much_ = 0;                               // up to here it is more than may be kept
  std::chrono::steady_clock::time_point next_attempt_;  // to resume, while unwell
  std::thread thread_;
};

}  // namespace sampan::store::embedded
