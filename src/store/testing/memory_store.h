// A store in memory for tests that want speed and the same course of events each time: whatever a write causes, the
// callbacks of watches too, has happened on the writer's thread when it returns. Thread-safe.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/store.h"

namespace sampan::store {

class MemoryStore final : public Store {
 public:
  Task<Result<Revision>> Put(std::string key, std::string value, Precondition precondition) override {
    co_return Write(Event::Type::kPut, std::move(key), std::make_shared<const std::string>(std::move(value)), precondition);
  }
  Task<Result<Revision>> Delete(std::string key, Precondition precondition) override {
    co_return Write(Event::Type::kDelete, std::move(key), nullptr, precondition);
  }
  Task<Result<RangeResult>> Range(std::string key, RangeOptions options) override {
    std::lock_guard lock(mutex_);
    co_return Read(key, options);
  }

  Result<std::unique_ptr<Watch>> StartWatch(std::string key, std::string end, Revision from,
                                            WatchCallback callback) override {
    std::lock_guard lock(mutex_);
    if (from == 0) from = current_ + 1;
    if (from <= compacted_) return Fail(Error::Expired("revision {} is compacted", from));
    auto watch = std::make_unique<MemoryWatch>(*this, std::move(key), std::move(end), from, std::move(callback));
    for (const Event& event : log_) watch->Tell(event);
    watches_.push_back(watch.get());
    return watch;
  }

  Task<Result<void>> Compact(Revision revision) override {
    std::lock_guard lock(mutex_);
    if (revision > current_) co_return Fail(Error::BadRequest("revision {} is in the future", revision));
    if (revision <= compacted_) co_return Result<void>{};
    auto kept = std::ranges::find_if(log_, [&](const Event& event) { return event.kv.mod_revision > revision; });
    for (auto event = log_.begin(); event != kept; ++event) Apply(*event, base_);
    log_.erase(log_.begin(), kept);
    compacted_ = revision;
    co_return Result<void>{};
  }

  Revision current_revision() const override {
    std::lock_guard lock(mutex_);
    return current_;
  }
  Revision compact_revision() const override {
    std::lock_guard lock(mutex_);
    return compacted_;
  }
  std::optional<Error> Health() const override { return std::nullopt; }

 private:
  using State = std::map<std::string, KeyValue>;

  class MemoryWatch final : public Watch {
   public:
    MemoryWatch(MemoryStore& store, std::string key, std::string end, Revision from, WatchCallback callback)
        : store_(store), key_(std::move(key)), end_(std::move(end)), from_(from), callback_(std::move(callback)) {}
    ~MemoryWatch() override {
      std::lock_guard lock(store_.mutex_);
      std::erase(store_.watches_, this);
    }
    Revision Delivered() const override { return store_.current_revision(); }
    void RequestProgress() override {
      std::lock_guard lock(store_.mutex_);
      progress_ = true;
    }
    void Tell(const Event& event) {
      const std::string& key = event.kv.key;
      const bool concerns = event.kv.mod_revision >= from_ && (end_.empty() ? key == key_ : key >= key_ && key < end_);
      if (!concerns && !std::exchange(progress_, false)) return;
      callback_(WatchBatch{event.kv.mod_revision, concerns ? std::vector{event} : std::vector<Event>()});
    }

   private:
    MemoryStore& store_;
    const std::string key_, end_;
    const Revision from_;
    const WatchCallback callback_;
    bool progress_ = false;
  };

  static void Apply(const Event& event, State& state) {
    if (event.type == Event::Type::kDelete) {
      state.erase(event.kv.key);
    } else {
      state.insert_or_assign(event.kv.key, event.kv);
    }
  }

  Result<Revision> Write(Event::Type type, std::string key, Bytes value, Precondition precondition) {
    if (key.empty() || key.contains('\0')) return Fail(Error::BadRequest("malformed key"));
    std::lock_guard lock(mutex_);
    auto found = now_.find(key);
    const Revision made = found == now_.end() ? 0 : found->second.create_revision;
    if (precondition.mod_revision == Precondition::kMustNotExist) {
      if (made != 0) return Fail(Error::AlreadyExists("{} exists", key));
    } else if (made == 0 && (precondition.mod_revision != Precondition::kAny || type == Event::Type::kDelete)) {
      return Fail(Error::NotFound("{} is absent", key));
    } else if (precondition.mod_revision != Precondition::kAny && precondition.mod_revision != found->second.mod_revision) {
      return Fail(Error::Conflict("{} is at revision {}", key, found->second.mod_revision));
    }
    const Revision revision = ++current_;
    const Event event{type, {std::move(key), std::move(value), made == 0 ? revision : made, revision}};
    Apply(event, now_);
    log_.push_back(event);
    for (MemoryWatch* watch : watches_) watch->Tell(event);
    return revision;
  }

  Result<RangeResult> Read(const std::string& key, const RangeOptions& options) const {
    if (options.revision > current_) return Fail(Error::BadRequest("revision {} is in the future", options.revision));
    if (options.revision != 0 && options.revision < compacted_) {
      return Fail(Error::Expired("revision {} is compacted", options.revision));
    }
    State then;
    if (options.revision != 0) {
      then = base_;
      for (const Event& event : log_) {
        if (event.kv.mod_revision <= options.revision) Apply(event, then);
      }
    }
    const State& state = options.revision == 0 ? now_ : then;
    RangeResult result;
    result.revision = current_;
    auto end = options.end.empty() ? state.upper_bound(key) : state.lower_bound(options.end);
    for (auto at = state.lower_bound(key); at != end; ++at, ++result.count) {
      const bool fits = options.limit == 0 || result.kvs.size() < options.limit;
      if (fits && !options.count_only) result.kvs.push_back(at->second);
      result.more = result.more || !fits;
    }
    return result;
  }

  mutable std::recursive_mutex mutex_;  // held while watches are told, who may ask back
  State base_;                          // as it was at compacted_
  State now_;
  std::vector<Event> log_;  // since then
  std::vector<MemoryWatch*> watches_;
  Revision current_ = 0;
  Revision compacted_ = 0;
};

}  // namespace sampan::store
