#include "async/io_loop.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <mutex>
#include <thread>

#include "async/timer_wheel.h"
#include "base/check.h"
#include "base/contain.h"
#include "base/log.h"

namespace sampan {
namespace {

constexpr int kMaxEvents = 128;
thread_local const IoLoop* current_loop = nullptr;

class EpollLoop final : public IoLoop {
 public:
  explicit EpollLoop(const std::string& name)
      : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), now_(Now()), timers_(now_) {
    CHECK(epoll_ >= 0 && wake_ >= 0);
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
    CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
    thread_ = std::thread([this] { Run(); });
    pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
  }

  ~EpollLoop() override {
    stopping_.store(true);
    Wake();
    thread_.join();
    // Whoever still posts has left.
    {
      std::lock_guard lock(mutex_);
    }
    jobs_.clear();  // what they own may still unwatch its descriptors
    close(wake_);
    close(epoll_);
  }

  // Woken with the mutex held: whom the job tells that the loop has nothing more to do may end it at once.
  void Post(Job job) override {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    // The loop looks at its jobs before it sleeps: only the first job after it fell asleep has to wake it.
    if (std::exchange(asleep_, false)) Wake();
  }

  void Watch(int fd, Watcher& watcher) override {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &watcher}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return;
    // The kernel has a limit to what one user watches, and clients can reach it. What is no such refusal is our own fault.
    CHECK(errno == ENOSPC || errno == ENOMEM);
    LOG_ERROR("io", "a connection is given up: the kernel watches no more descriptors");
    ::shutdown(fd, SHUT_RDWR);
    refused_.push_back(&watcher);
  }

  void Unwatch(int fd, Watcher& watcher) override {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    std::erase(refused_, &watcher);
    for (int i = next_event_; i < event_count_; ++i) {
      if (events_[i].data.ptr == &watcher) events_[i].data.ptr = nullptr;
    }
  }

  bool IsCurrent() const override { return current_loop == this; }

 private:
  static MonoTime Now() { return std::chrono::steady_clock::now(); }

  void ArmTimer(Timer& timer, Duration delay) override { timers_.Arm(timer, delay, now_); }

  void Wake() {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(wake_, &one, sizeof(one));
  }

  void RunJobs() {
    {
      std::lock_guard lock(mutex_);
      running_.swap(jobs_);
    }
    for (Job& job : running_) Contain("job", job);
    running_.clear();
  }

  // Milliseconds to wait in epoll_wait; marks the loop asleep when that is more than none.
  int PrepareSleep() {
    std::lock_guard lock(mutex_);
    if (!jobs_.empty() || !refused_.empty() || stopping_.load()) return 0;
    asleep_ = true;
    std::optional<Duration> sleep = timers_.UntilNext(now_);
    if (!sleep) return -1;
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(*sleep).count());
  }

  void Dispatch() {
    for (next_event_ = 0; next_event_ < event_count_;) {
      epoll_event event = events_[next_event_++];
      if (event.data.ptr == nullptr) continue;
      Contain("event of a descriptor", [&] { static_cast<Watcher*>(event.data.ptr)->OnReady(event.events); });
    }
    event_count_ = next_event_ = 0;
    while (!refused_.empty()) {
      Watcher* watcher = refused_.back();
      refused_.pop_back();
      Contain("event of a descriptor", [watcher] { watcher->OnReady(EPOLLIN | EPOLLRDHUP | EPOLLHUP); });
    }
  }

  void Run() {
    current_loop = this;
    while (!stopping_.load(std::memory_order_relaxed)) {
      RunJobs();
      int count = epoll_wait(epoll_, events_.data(), kMaxEvents, PrepareSleep());
      CHECK(count >= 0 || errno == EINTR);
      event_count_ = std::max(count, 0);
      {
        std::lock_guard lock(mutex_);
        asleep_ = false;
      }
      now_ = Now();
      Dispatch();
      timers_.Advance(now_);
    }
    current_loop = nullptr;
  }

  const int epoll_;
  const int wake_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // guards the next two
  std::vector<Job> jobs_;
  bool asleep_ = false;

  // The loop's thread only.
  std::vector<Job> running_;
  std::vector<Watcher*> refused_;  // by the kernel; to be told of the end of their connections
  std::array<epoll_event, kMaxEvents> events_;
  int event_count_ = 0;
  int next_event_ = 0;
  MonoTime now_;
  TimerWheel timers_;

  std::thread thread_;
};

}  // namespace

IoLoops::IoLoops(size_t threads, const std::string& name) {
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  for (size_t i = 0; i < threads; ++i) loops_.push_back(std::make_unique<EpollLoop>(fmt::format("{}-{}", name, i)));
}

IoLoops::~IoLoops() = default;

IoLoop& IoLoops::Next() {
  return *loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
}

}  // namespace sampan
