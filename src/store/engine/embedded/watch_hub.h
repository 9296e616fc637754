// Delivers committed groups to the watches, in order, and then acknowledges them; brings new watches up to date from the
// log. All of it on one thread, so that every watch sees one order and an acknowledged write has been seen by all.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/engine/embedded/database.h"
#include "store/store.h"

namespace sampan::store::embedded {

class WatchHub {
 public:
  // `compact` is where the engine publishes its compact revision. Everything borrowed outlives the hub.
  WatchHub(const Database& database, const std::atomic<Revision>& compact, Revision current, Failpoints* failpoints);
  ~WatchHub();  // delivers what was given to it, then ends

  // Events up to `revision`; `acknowledge` runs after they have been delivered.
  struct Batch {
    std::vector<Event> events;
    Revision revision = 0;
    std::move_only_function<void()> acknowledge;
  };
  using Delivery = std::list<Batch>;  // of one: made before its group is committed, because afterwards nothing may fail
  // `delivery` is durable. From one thread.
  void Deliver(Delivery delivery) noexcept;

  // `from` is at least 1 and not compacted at the time of the call.
  std::unique_ptr<Watch> Start(std::string key, std::string end, Revision from, WatchCallback callback);

 private:
  struct WatchState;
  class Handle;
  void Run();
  void Join(std::deque<std::shared_ptr<WatchState>>& joining);
  void Dispatch(Batch& batch);
  static bool TellProgress(WatchState& watch, Revision revision);  // false when the watch has ended
  // One step of bringing a watch up to date; true when it is live or has ended.
  bool CatchUp(WatchState& watch);

  const Database& database_;
  const std::atomic<Revision>& compact_;
  Failpoints* failpoints_;
  std::shared_ptr<std::atomic<Revision>> delivered_;

  std::mutex mutex_;  // guards the two queues and stopping_
  std::condition_variable changed_;
  Delivery batches_;
  std::deque<std::shared_ptr<WatchState>> joining_;
  bool stopping_ = false;

  std::vector<std::shared_ptr<WatchState>> live_;  // of the hub's thread
  std::thread thread_;
};

}  // namespace sampan::store::embedded
