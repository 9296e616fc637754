#include "client/work_queue.h"

#include <deque>
#include <mutex>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "async/oneshot.h"
#include "base/saturate.h"

namespace sampan::client {

// Shared with the timer's callback and with waiting coroutines.
struct WorkQueue::State : std::enable_shared_from_this<WorkQueue::State> {
  State(Clock& clock, WorkQueueOptions options) : clock(clock), options(options) {}

  Clock& clock;
  const WorkQueueOptions options;

  std::mutex mutex;
  bool closed = false;
  std::deque<std::string> ready;
  std::unordered_set<std::string> dirty;  // in `ready`, or to be put there when processed
  std::unordered_set<std::string> processing;
  std::unordered_map<std::string, int> retries;
  std::deque<Oneshot<bool>::Sender> waiters;

  std::set<std::pair<MonoTime, std::string>> delayed;
  std::unordered_map<std::string, MonoTime> delayed_keys;
  std::optional<Clock::TimerId> timer;
  MonoTime timer_at{};

  // Whom to wake once the mutex is released; nothing when the key needs no worker now.
  std::optional<Oneshot<bool>::Sender> AddLocked(std::string key) {
    if (closed || !dirty.insert(key).second || processing.contains(key)) return std::nullopt;
    ready.push_back(std::move(key));
    return PopWaiter();
  }
  std::optional<Oneshot<bool>::Sender> PopWaiter() {
    if (waiters.empty()) return std::nullopt;
    auto waiter = std::move(waiters.front());
    waiters.pop_front();
    return waiter;
  }

  // Makes the timer fire at the earliest delayed key. Called with the mutex held.
  void Arm() {
    if (closed || delayed.empty()) return;
    MonoTime first = delayed.begin()->first;
    if (timer && timer_at <= first) return;
    if (timer) clock.Cancel(*timer);
    timer_at = first;
    Duration wait = std::max(first - clock.Monotonic(), Duration(0));
    timer = clock.After(wait, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->Fire();
    });
  }

  void Fire() {
    std::vector<Oneshot<bool>::Sender> wake;
    {
      std::lock_guard lock(mutex);
      timer.reset();
      MonoTime now = clock.Monotonic();
      while (!delayed.empty() && delayed.begin()->first <= now) {
        std::string key = delayed.begin()->second;
        delayed.erase(delayed.begin());
        delayed_keys.erase(key);
        if (auto waiter = AddLocked(std::move(key))) wake.push_back(std::move(*waiter));
      }
      Arm();
    }
    for (auto& waiter : wake) waiter.Set(true);
  }
};

WorkQueue::WorkQueue(Clock& clock, WorkQueueOptions options) : state_(std::make_shared<State>(clock, options)) {}

WorkQueue::~WorkQueue() {
  Close();
}

void WorkQueue::Add(std::string key) {
  std::optional<Oneshot<bool>::Sender> wake;
  {
    std::lock_guard lock(state_->mutex);
    wake = state_->AddLocked(std::move(key));
  }
  if (wake) wake->Set(true);
}

void WorkQueue::AddAfter(std::string key, Duration delay) {
  if (delay <= Duration(0)) return Add(std::move(key));
  std::lock_guard lock(state_->mutex);
  if (state_->closed) return;
  MonoTime at = SaturatedSum(state_->clock.Monotonic(), delay);
  auto [known, fresh] = state_->delayed_keys.try_emplace(key, at);
  if (!fresh) {
    if (known->second <= at) return;
    state_->delayed.erase({known->second, key});
    known->second = at;
  }
  state_->delayed.emplace(at, std::move(key));
  state_->Arm();
}

void WorkQueue::AddRateLimited(std::string key) {
  Duration delay = state_->options.base_delay;
  {
    std::lock_guard lock(state_->mutex);
    int retries = state_->retries[key]++;
    for (int i = 0; i < retries && delay < state_->options.max_delay; ++i) delay *= 2;
  }
  AddAfter(std::move(key), std::min(delay, state_->options.max_delay));
}

void WorkQueue::Forget(const std::string& key) {
  std::lock_guard lock(state_->mutex);
  state_->retries.erase(key);
}

int WorkQueue::Retries(const std::string& key) const {
  std::lock_guard lock(state_->mutex);
  auto found = state_->retries.find(key);
  return found == state_->retries.end() ? 0 : found->second;
}

Task<std::optional<std::string>> WorkQueue::Next() {
  std::shared_ptr<State> state = state_;
  while (true) {
    Oneshot<bool> woken;
    {
      std::lock_guard lock(state->mutex);
      if (state->closed) co_return std::nullopt;
      if (!state->ready.empty()) {
        std::optional<std::string> key(std::move(state->ready.front()));
        state->ready.pop_front();
        state->dirty.erase(*key);
        state->processing.insert(*key);
        co_return key;
      }
      state->waiters.push_back(woken.sender());
    }
    co_await woken.Wait();
  }
}

void WorkQueue::Done(const std::string& key) {
  std::optional<Oneshot<bool>::Sender> wake;
  {
    std::lock_guard lock(state_->mutex);
    state_->processing.erase(key);
    if (state_->dirty.contains(key) && !state_->closed) {
      state_->ready.push_back(key);
      wake = state_->PopWaiter();
    }
  }
  if (wake) wake->Set(true);
}

void WorkQueue::Close() {
  std::deque<Oneshot<bool>::Sender> wake;
  {
    std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->ready.clear();
    state_->delayed.clear();
    state_->delayed_keys.clear();
    if (state_->timer) state_->clock.Cancel(*state_->timer);
    state_->timer.reset();
    wake.swap(state_->waiters);
  }
  for (auto& waiter : wake) waiter.Set(true);
}

size_t WorkQueue::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->ready.size();
}

bool WorkQueue::idle() const {
  std::lock_guard lock(state_->mutex);
  return state_->ready.empty() && state_->processing.empty();
}

}  // namespace sampan::client
