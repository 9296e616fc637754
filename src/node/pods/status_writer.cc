#include "node/pods/status_writer.h"

#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "node/pods/status.h"

namespace sampan::node {

using api::core::Pod;
using api::core::PodStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct StatusWriter::Entry {
  client::TypedPtr<Pod> stored;  // as the server had it last
  std::shared_ptr<const PodStatus> wanted;
  bool writing = false;
  std::vector<Oneshot<bool>::Sender> waiting;  // flushes
};

StatusWriter::StatusWriter(client::Client& client, Clock& clock, Executor& strand)
    : client_(client), clock_(clock), strand_(strand) {}
StatusWriter::~StatusWriter() = default;

void StatusWriter::ObserveAs(const std::string& uid, const client::TypedPtr<Pod>& pod) {
  std::unique_ptr<Entry>& entry = entries_[uid];
  if (entry == nullptr) entry = std::make_unique<Entry>();
  if (!entry->stored || pod.head().revision >= entry->stored.head().revision) entry->stored = pod;
}

void StatusWriter::Set(const std::string& uid, std::shared_ptr<const PodStatus> status) {
  auto found = entries_.find(uid);
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  entry.wanted = std::move(status);
  if (entry.writing) return;
  entry.writing = true;
  Spawn(strand_, gate_, Write(uid));
}

void StatusWriter::Forget(const std::string& uid) {
  auto found = entries_.find(uid);
  if (found == entries_.end()) return;
  for (auto& sender : found->second->waiting) sender.Set(true);
  entries_.erase(found);
}

Task<void> StatusWriter::Write(std::string uid) {
  Duration pause = milliseconds(100);
  while (!stop_.token().Requested()) {
    Result<void> written = co_await Contained("pod status", WriteOnce(uid));
    auto found = entries_.find(uid);
    if (found == entries_.end()) co_return;
    Entry& entry = *found->second;
    if (written && entry.wanted == nullptr) {
      entry.writing = false;
      for (auto& sender : std::exchange(entry.waiting, {})) sender.Set(true);
      co_return;
    }
    if (written) continue;
    LOG_DEBUG("node", "status of pod {}: {}", entry.stored.name(), written.error());
    co_await clock_.Sleep(pause, stop_.token());
    pause = std::min<Duration>(pause * 2, seconds(10));
  }
}

// Writes what is wanted now; success with `wanted` set again means that a newer one came meanwhile.
Task<Result<void>> StatusWriter::WriteOnce(std::string uid) {
  auto found = entries_.find(uid);
  if (found == entries_.end()) co_return Result<void>();
  std::shared_ptr<const PodStatus> wanted = found->second->wanted;
  client::TypedPtr<Pod> stored = found->second->stored;
  json::Value change = wanted == nullptr ? json::Value() : StatusPatch(stored->status, *wanted);
  bool gone = false;
  if (!change.is_null()) {
    json::Value patch = json::Object{{"metadata", json::Object{{"uid", stored.uid()}}}, {"status", std::move(change)}};
    auto patched = co_await client::MergePatch<Pod>(client_, stored.namespace_(), stored.name(), std::move(patch), "status");
    // Another pod of the same name is a conflict of uids: ours is gone.
    gone = !patched && (patched.error().Is(Reason::kNotFound) || patched.error().Is(Reason::kConflict) ||
                        patched.error().Is(Reason::kInvalid));
    if (!patched && !gone) co_return Fail(patched.error());
    if (gone) LOG_DEBUG("node", "status of pod {} is not written: {}", stored.name(), patched.error());
    if (patched) ObserveAs(uid, *patched);
  }
  found = entries_.find(uid);
  if (found != entries_.end() && found->second->wanted == wanted) found->second->wanted = nullptr;
  co_return Result<void>();
}

Task<void> StatusWriter::Flush(std::string uid, CancelToken stop) {
  auto found = entries_.find(uid);
  if (found == entries_.end() || !found->second->writing || stop.Requested()) co_return;
  Oneshot<bool> done;
  found->second->waiting.push_back(done.sender());
  CancelToken::Subscription cancelled = stop.OnCancel([sender = done.sender()]() mutable { sender.Set(false); });
  co_await done.Wait();
}

Task<void> StatusWriter::Close() {
  stop_.Cancel();
  co_await gate_.Close();
}

}  // namespace sampan::node
