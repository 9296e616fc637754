// Cancellation: a CancelSource asks, its CancelTokens tell. A token is passed down by value; every loop and every wait
// takes one. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace sampan {

namespace detail {
struct CancelState;
}

class CancelToken {
 public:
  CancelToken();  // never cancelled
  bool Requested() const;

  // Runs `callback` once when cancellation is requested, on the requesting thread; at once when it was already.
  // The callback must be short and must not block. Unsubscribe does not wait for a callback that already runs.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&&) noexcept = default;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription();

   private:
    friend class CancelToken;
    std::shared_ptr<detail::CancelState> state_;
    uint64_t id_ = 0;
  };
  [[nodiscard]] Subscription OnCancel(std::function<void()> callback) const;

 private:
  friend class CancelSource;
  explicit CancelToken(std::shared_ptr<detail::CancelState> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::CancelState> state_;
};

class CancelSource {
 public:
  CancelSource();
  explicit CancelSource(const CancelToken& parent);  // also cancelled with its parent
  CancelSource(CancelSource&&) = default;
  CancelSource& operator=(CancelSource&&) = default;
  void Cancel();
  CancelToken token() const;

 private:
  std::shared_ptr<detail::CancelState> state_;
  CancelToken::Subscription parent_;
};

}  // namespace sampan
