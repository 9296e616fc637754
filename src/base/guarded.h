// A value and its lock as one object, so that unlocked access does not compile.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <utility>

namespace sampan {

// Guarded<Map> map;  auto locked = map.Lock();  locked->insert(...);   Never held across a co_await.
template <class T>
class Guarded {
 public:
  template <class... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  template <class Value, class Holder>
  class Access {
   public:
    Access(Value& value, Holder holder) : value_(value), holder_(std::move(holder)) {}
    Value* operator->() const { return &value_; }
    Value& operator*() const { return value_; }

   private:
    Value& value_;
    Holder holder_;
  };

  auto Lock() { return Access<T, std::unique_lock<std::shared_mutex>>(value_, std::unique_lock(mutex_)); }
  auto ReadLock() const { return Access<const T, std::shared_lock<std::shared_mutex>>(value_, std::shared_lock(mutex_)); }

 private:
  mutable std::shared_mutex mutex_;
  T value_;
};

}  // namespace sampan
