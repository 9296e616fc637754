#include "async/cancel.h"

#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "base/contain.h"

namespace sampan {

struct detail::CancelState {
  std::atomic<bool> requested{false};
  std::mutex mutex;
  uint64_t next_id = 1;
  std::map<uint64_t, std::function<void()>> callbacks;

  void Cancel() {
    std::map<uint64_t, std::function<void()>> run;
    {
      std::lock_guard lock(mutex);
      if (requested.exchange(true)) return;
      run.swap(callbacks);
    }
    for (auto& [id, callback] : run) Contain("cancellation", callback);
  }
};

CancelToken::CancelToken() = default;

bool CancelToken::Requested() const {
  return state_ != nullptr && state_->requested.load(std::memory_order_acquire);
}

CancelToken::Subscription CancelToken::OnCancel(std::function<void()> callback) const {
  Subscription subscription;
  if (state_ == nullptr) return subscription;
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->requested) {
      subscription.state_ = state_;
      subscription.id_ = state_->next_id++;
      state_->callbacks.emplace(subscription.id_, std::move(callback));
      return subscription;
    }
  }
  callback();
  return subscription;
}

CancelToken::Subscription& CancelToken::Subscription::operator=(Subscription&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(id_, other.id_);
  return *this;
}

CancelToken::Subscription::~Subscription() {
  if (state_ == nullptr) return;
  std::function<void()> dropped;  // declared before the lock: its captures may unsubscribe in turn when it dies
  std::lock_guard lock(state_->mutex);
  if (auto it = state_->callbacks.find(id_); it != state_->callbacks.end()) {
    dropped = std::move(it->second);
    state_->callbacks.erase(it);
  }
}

CancelSource::CancelSource() : state_(std::make_shared<detail::CancelState>()) {}

CancelSource::CancelSource(const CancelToken& parent) : CancelSource() {
  parent_ = parent.OnCancel([weak = std::weak_ptr(state_)] {
    if (auto state = weak.lock()) state->Cancel();
  });
}

void CancelSource::Cancel() {
  state_->Cancel();
}

CancelToken CancelSource::token() const {
  return CancelToken(state_);
}

}  // namespace sampan
