// What every engine of store.h must do, as one suite. An engine's test instantiates it with a way to make a fresh store:
//
//   INSTANTIATE_TEST_SUITE_P(Embedded, StoreContract, testing::Values(&MakeEmbedded));
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/pool.h"
#include "async/spawn.h"
#include "store/store.h"

namespace sampan::store {

// A fresh, empty store and whatever must live as long.
struct StoreUnderTest {
  std::shared_ptr<void> environment;
  std::unique_ptr<Store> store;
};
using StoreFactory = StoreUnderTest (*)();

// Collects what a watch delivers and lets a test wait for it.
class WatchRecorder {
 public:
  WatchCallback Callback() {
    return [this](Result<WatchBatch> batch) { Add(std::move(batch)); };
  }
  // Waits until `count` events or an error came; the events so far.
  std::vector<Event> WaitForEvents(size_t count);
  Error WaitForError();
  void WaitForRevision(Revision revision);  // by batches, events or progress

 private:
  void Add(Result<WatchBatch> batch);
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
  Revision revision_ = 0;
  std::optional<Error> error_;
};

class StoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  StoreContract() : under_test_(GetParam()()), executor_(NewThreadPool("contract", 2)) {}
  ~StoreContract() override { under_test_.store.reset(); }

  Store& store() { return *under_test_.store; }
  Executor& executor() { return *executor_; }
  template <class T>
  T Wait(Task<T> task) {
    return SyncWait(*executor_, std::move(task));
  }
  Result<Revision> Put(std::string key, std::string value, Revision mod = Precondition::kAny) {
    return Wait(store().Put(std::move(key), std::move(value), {mod}));
  }
  Result<Revision> Delete(std::string key, Revision mod = Precondition::kAny) {
    return Wait(store().Delete(std::move(key), {mod}));
  }
  Result<RangeResult> Range(std::string key, RangeOptions options = {}) {
    return Wait(store().Range(std::move(key), std::move(options)));
  }
  // "a=1 b=2" of everything below the prefix.
  std::string Dump(std::string prefix, Revision revision = 0);

 private:
  StoreUnderTest under_test_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace sampan::store
