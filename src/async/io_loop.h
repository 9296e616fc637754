// Non-blocking sockets without a library between us and epoll: an I/O loop is one thread with one epoll set, and is the
// executor of everything that belongs to its descriptors, so none of that needs a lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/executor.h"
#include "base/time.h"

namespace sampan {

// A place in a ring of timers.
struct TimerLink {
  TimerLink* previous = nullptr;
  TimerLink* next = nullptr;
};

// Coroutines on a loop must not block: every connection of the loop waits for them.
class IoLoop : public Executor {
 public:
  // Told of readiness, on the loop's thread. Edge-triggered: each event tells of a change, so a watcher reads and writes
  // until the kernel says EAGAIN before it waits for the next.
  class Watcher {
   public:
    virtual void OnReady(uint32_t epoll_events) = 0;

   protected:
    ~Watcher() = default;
  };

  // A coarse timer (it fires up to 100 ms late) that costs no system call and, once made, no allocation. It is armed,
  // moved and destroyed on the loop's thread.
  class Timer : private TimerLink {
   public:
    Timer(IoLoop& loop, std::move_only_function<void()> callback) : loop_(loop), callback_(std::move(callback)) {}
    ~Timer() { Disarm(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void Arm(Duration delay) { loop_.ArmTimer(*this, delay); }  // again: moves it
    void Disarm();
    bool armed() const { return next != nullptr; }

   private:
    friend class TimerWheel;
    IoLoop& loop_;
    std::move_only_function<void()> callback_;
    uint64_t due_tick_ = 0;
  };

  // On the loop's thread. `watcher` lives until Unwatch, which the owner calls before it closes the descriptor; after
  // Unwatch no event reaches it, not even one that was reported already.
  virtual void Watch(int fd, Watcher& watcher) = 0;
  virtual void Unwatch(int fd, Watcher& watcher) = 0;

  // Whether the caller is on the loop's thread.
  virtual bool IsCurrent() const = 0;

 private:
  virtual void ArmTimer(Timer& timer, Duration delay) = 0;
};

// The I/O threads of the process. Servers and clients that share it share its threads.
class IoLoops {
 public:
  // 0 threads: one a core. The destructor lets running jobs end, drops what is queued and joins; whoever uses a loop is
  // stopped before.
  explicit IoLoops(size_t threads = 0, const std::string& name = "io");
  ~IoLoops();
  IoLoops(const IoLoops&) = delete;
  IoLoops& operator=(const IoLoops&) = delete;

  size_t size() const { return loops_.size(); }
  IoLoop& at(size_t index) { return *loops_[index]; }
  IoLoop& Next();  // in turn; any thread

 private:
  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::atomic<size_t> next_{0};
};

}  // namespace sampan
