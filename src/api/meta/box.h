// An optional value on the heap with value semantics: absent or one T, copied deeply. It keeps structs with dozens of
// optional parts small.
#pragma once

#include <memory>
#include <utility>

namespace sampan::api {

template <class T>
class Box {
 public:
  Box() = default;
  Box(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT: a value is a present box
  Box(const Box& other) : value_(other.value_ == nullptr ? nullptr : std::make_unique<T>(*other.value_)) {}
  Box(Box&& other) noexcept = default;
  Box& operator=(Box other) noexcept {
    value_.swap(other.value_);
    return *this;
  }
  ~Box() = default;

  explicit operator bool() const { return value_ != nullptr; }
  bool has_value() const { return value_ != nullptr; }
  // Undefined when absent.
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }

  // Null when absent.
  const T* get() const { return value_.get(); }
  T* get() { return value_.get(); }
  // The value, created empty when absent.
  T& Ensure() {
    if (value_ == nullptr) value_ = std::make_unique<T>();
    return *value_;
  }
  // The value, or an empty one that lives for ever: `pod.spec.security_context.OrEmpty().run_as_user`.
  const T& OrEmpty() const {
    static const T kEmpty{};
    return value_ == nullptr ? kEmpty : *value_;
  }
  void reset() { value_.reset(); }

  friend bool operator==(const Box& a, const Box& b) {
    if (a.value_ == nullptr || b.value_ == nullptr) return a.value_ == b.value_;
    return *a.value_ == *b.value_;
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace sampan::api
