#include "async/pool.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/contain.h"
#include "base/log.h"

namespace sampan {
namespace {

constexpr std::chrono::seconds kIdleThreadLife{10};

class ThreadPool final : public Executor {
 public:
  ThreadPool(std::string name, size_t threads) {
    for (size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { Work(); });
      pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
    }
  }
  ~ThreadPool() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void Post(Job job) override {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    jobs_.push_back(std::move(job));
    changed_.notify_one();  // with the lock: the job may be what the pool's owner waits for before it ends the pool
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      Contain("job", job);
      job = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Executor> NewThreadPool(std::string name, size_t threads) {
  return std::make_unique<ThreadPool>(std::move(name), threads);
}

struct BlockingPool::State {
  explicit State(size_t limit) : limit(limit) {}

  // Another thread, when jobs wait for one and the limit allows. False when the system has none to give. With the mutex.
  bool Grow(const std::shared_ptr<State>& self) {
    if (idle >= jobs.size() || threads >= limit) return true;
    try {
      std::thread([self] { self->Work(); }).detach();
    } catch (const std::system_error& error) {
      LOG_ERROR("pool", "no further thread for blocking work: {}", error.what());
      return false;
    }
    ++threads;
    return true;
  }

  void Work() {
    std::unique_lock lock(mutex);
    while (true) {
      ++idle;
      bool woken = changed.wait_for(lock, kIdleThreadLife, [this] { return stopping || !jobs.empty(); });
      --idle;
      if (jobs.empty() && (stopping || !woken)) break;
      Executor::Job job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      Contain("job", job);
      job = nullptr;
      lock.lock();
    }
    --threads;
    changed.notify_all();
  }

  const size_t limit;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Executor::Job> jobs;
  size_t threads = 0;
  size_t idle = 0;
  bool stopping = false;
};

BlockingPool::BlockingPool(size_t threads) : state_(std::make_shared<State>(threads)) {}

BlockingPool::~BlockingPool() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
  state_->changed.wait(lock, [this] { return state_->threads == 0; });
}

void BlockingPool::Submit(Executor::Job job) {
  if (state_->limit == 0) {
    Contain("job", job);
    return;
  }
  {
    std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
    if (state_->Grow(state_) || state_->threads > 0) {
      state_->changed.notify_one();
      return;
    }
    job = std::move(state_->jobs.back());
    state_->jobs.pop_back();
  }
  Contain("job", job);  // slow for the caller, but done
}

struct ManualExecutor::State {
  std::mutex mutex;
  std::deque<Job> jobs;
};

ManualExecutor::ManualExecutor() : state_(std::make_unique<State>()) {}
ManualExecutor::~ManualExecutor() = default;

void ManualExecutor::Post(Job job) {
  std::lock_guard lock(state_->mutex);
  state_->jobs.push_back(std::move(job));
}

bool ManualExecutor::RunOne() {
  Job job;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->jobs.empty()) return false;
    job = std::move(state_->jobs.front());
    state_->jobs.pop_front();
  }
  Contain("job", job);
  return true;
}

size_t ManualExecutor::RunAll() {
  size_t ran = 0;
  while (RunOne()) ++ran;
  return ran;
}

}  // namespace sampan
