// Work that takes more than a few milliseconds: large bodies, small changes of large objects, large answers that are
// converted or compressed, the building of OpenAPI documents. It has a thread of its own instead of holding up the
// connections of a loop, and accounts take turns there.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "async/oneshot.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "base/guarded.h"

namespace sampan::apiserver {

struct ApiRequest;

// From so many bytes of text on: a megabyte takes tens of milliseconds on its way between its text and the store.
inline constexpr size_t kHeavyBytes = 128 * 1024;

// Thread-safe; outlives what it runs.
class HeavyWork {
 public:
  // Of one account so much is under way at once, the rest of it waits.
  static constexpr size_t kAtOnce = 2;

  // Who waits for his own work only; empty, which waits for nothing, for administrators and the cluster's controllers.
  static std::string AccountOf(const ApiRequest& request);

  // What the task comes to; the caller is resumed where it was.
  template <class T>
  Task<T> Run(std::string account, Task<T> task) {
    std::unique_ptr<Lane> lane = co_await Enter(std::move(account));
    co_return co_await RunOn(*thread_, std::move(task));
  }

 private:
  struct Queue {
    size_t running = 0;
    std::deque<Oneshot<bool>::Sender> waiting;
  };
  // One of the places of an account; handed on to who waits for it.
  class Lane {
   public:
    Lane(HeavyWork& work, std::string account) : work_(work), account_(std::move(account)) {}
    ~Lane() { work_.Leave(account_); }
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

   private:
    HeavyWork& work_;
    const std::string account_;
  };
  // Null for those who need none.
  Task<std::unique_ptr<Lane>> Enter(std::string account);
  void Leave(const std::string& account);

  Guarded<std::unordered_map<std::string, Queue>> queues_;
  const std::unique_ptr<Executor> thread_ = NewThreadPool("api-heavy", 1);
};

}  // namespace sampan::apiserver
