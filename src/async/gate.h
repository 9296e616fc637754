// Counts the coroutines that still use an owner. The owner closes its gate before it dies, and so knows that none is left.
#pragma once

#include <cstddef>
#include <memory>

#include "async/task.h"

namespace sampan {

// Thread-safe. Destroying a gate that still has holders is a broken invariant.
class Gate {
 public:
  Gate();
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Held while work runs; empty (false) when the gate is closed already, and then the work must not start.
  class Holder {
   public:
    Holder() = default;
    Holder(Holder&& other) noexcept : state_(std::move(other.state_)) {}
    Holder& operator=(Holder&& other) noexcept {
      std::swap(state_, other.state_);
      return *this;
    }
    ~Holder();
    explicit operator bool() const { return state_ != nullptr; }

   private:
    friend class Gate;
    std::shared_ptr<struct GateState> state_;
  };
  Holder Enter();

  // Refuses new holders and waits until the last one has left. May be called once.
  Task<void> Close();
  size_t holders() const;

 private:
  std::shared_ptr<struct GateState> state_;
};

}  // namespace sampan
