#include "async/gate.h"

#include <mutex>

#include "async/oneshot.h"
#include "base/check.h"

namespace sampan {

struct GateState {
  std::mutex mutex;
  size_t holders = 0;
  bool closed = false;
  Oneshot<bool> empty;
};

Gate::Gate() : state_(std::make_shared<GateState>()) {}
Gate::~Gate() {
  CHECK(holders() == 0);
}

Gate::Holder Gate::Enter() {
  Holder holder;
  std::lock_guard lock(state_->mutex);
  if (state_->closed) return holder;
  ++state_->holders;
  holder.state_ = state_;
  return holder;
}

Gate::Holder::~Holder() {
  if (state_ == nullptr) return;
  bool last = false;
  {
    std::lock_guard lock(state_->mutex);
    --state_->holders;
    last = state_->closed && state_->holders == 0;
  }
  if (last) state_->empty.sender().Set(true);
}

Task<void> Gate::Close() {
  bool empty = false;
  {
    std::lock_guard lock(state_->mutex);
    state_->closed = true;
    empty = state_->holders == 0;
  }
  if (!empty) co_await state_->empty.Wait();
}

size_t Gate::holders() const {
  std::lock_guard lock(state_->mutex);
  return state_->holders;
}

}  // namespace sampan
