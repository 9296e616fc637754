// An optional value on the heap with value semantics: absent or one T, copied deeply. It keeps structs with dozens of
// optional parts small.
#pragma once

#include <utility>

namespace sampan::api {

template <class T>
class Box {
 public:
  Box() = default;
  Box(T value) : value_(new T(std::move(value))) {}  // NOLINT: a value is a present box
  Box(const Box& other) : value_(other.value_ == nullptr ? nullptr : new T(*other.value_)) {}
  Box(Box&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Box& operator=(Box other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Box() { delete value_; }

  explicit operator bool() const { return value_ != nullptr; }
  bool has_value() const { return value_ != nullptr; }
  // Undefined when absent.
  T* operator->() { return value_; }
  const T* operator->() const { return value_; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }

  // Null when absent.
  const T* get() const { return value_; }
  T* get() { return value_; }
  // The value, created empty when absent.
  T& Ensure() {
    if (value_ == nullptr) value_ = new T();
    return *value_;
  }
  // The value, or an empty one that lives for ever: `pod.spec.security_context.OrEmpty().run_as_user`.
  const T& OrEmpty() const {
    static const T kEmpty{};
    return value_ == nullptr ? kEmpty : *value_;
  }
  void reset() { delete std::exchange(value_, nullptr); }

  friend bool operator==(const Box& a, const Box& b) {
    if (a.value_ == nullptr || b.value_ == nullptr) return a.value_ == b.value_;
    return *a.value_ == *b.value_;
  }

 private:
  T* value_ = nullptr;
};

}  // namespace sampan::api
