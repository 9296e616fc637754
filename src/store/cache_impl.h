// The watch cache over a store: cache.h says what it promises. Internal to the cache.
#pragma once

#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "async/cancel.h"
#include "async/oneshot.h"
#include "store/cache.h"
#include "store/cache_state.h"

namespace sampan::store::detail {

// Run() feeds it and holds it; the store's watch calls OnBatch on the store's thread.
class CacheImpl final : public Cache, public std::enable_shared_from_this<CacheImpl> {
 public:
  CacheImpl(const CacheOptions& options, Store& store, Clock& clock);

  const CacheOptions& options() const override { return options_; }
  Task<Result<void>> Ready(CancelToken stop) override;
  bool IsReady() const override;
  Revision revision() const override;
  api::ObjectPtr Get(std::string_view namespace_, std::string_view name) const override;
  CacheList List(const CacheQuery& query) const override;
  size_t size() const override;
  Revision KeepSnapshot() override;
  std::optional<CacheList> ListAt(Revision revision, const CacheQuery& query) const override;
  Task<Result<void>> WaitFor(Revision wanted, Duration timeout) override;
  Result<std::unique_ptr<Subscription>> Subscribe(CacheQuery query, Revision from) override;

  // Loads, follows the store, loads anew when the place is lost, until `stop`.
  static Task<void> Run(std::shared_ptr<CacheImpl> self, CancelToken stop);

  void Unsubscribe(const WatcherQueue* queue);
  Revision ProgressOf(const WatcherQueue& queue) const;

 private:
  enum class Phase : unsigned char { kLoading, kReady, kStopped };
  struct Waiter {
    uint64_t id = 0;
    Revision revision = 0;
    Oneshot<bool>::Sender sender;
  };
  Revision RevisionLocked() const;
  void WakeWaiters();
  Result<api::ObjectPtr> Decode(const KeyValue& kv) const;
  void OnBatch(Result<WatchBatch> batch);
  Task<Result<void>> Load();
  void Enter(Phase phase);
  void EndWatch();

  const CacheOptions options_;
  Store& store_;
  Clock& clock_;
  const std::string prefix_;

  mutable std::shared_mutex mutex_;  // guards what follows
  CacheState state_;
  std::unique_ptr<Watch> watch_;
  Phase phase_ = Phase::kLoading;
  std::vector<Oneshot<bool>::Sender> ready_waiters_;
  std::vector<Waiter> waiters_;
  uint64_t last_waiter_ = 0;
  std::optional<Oneshot<bool>::Sender> lost_;
};

}  // namespace sampan::store::detail
