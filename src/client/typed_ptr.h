// A shared object seen as its generated struct.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/object.h"

namespace sampan::client {

// A pointer to an immutable stored object; the struct is decoded when first looked at. Null when absent.
template <class T>
class TypedPtr {
 public:
  TypedPtr() = default;
  explicit TypedPtr(api::ObjectPtr object) : object_(std::move(object)) {}

  const T& operator*() const { return object_->template As<T>(); }
  const T* operator->() const { return &object_->template As<T>(); }
  explicit operator bool() const { return object_ != nullptr; }

  const api::ObjectPtr& object() const { return object_; }
  // Without decoding.
  const api::ObjectHead& head() const { return object_->head(); }
  const std::string& name() const { return object_->name(); }
  const std::string& namespace_() const { return object_->namespace_(); }
  const std::string& uid() const { return object_->uid(); }

 private:
  api::ObjectPtr object_;
};

template <class T>
std::vector<TypedPtr<T>> Typed(std::vector<api::ObjectPtr> objects) {
  std::vector<TypedPtr<T>> typed;
  typed.reserve(objects.size());
  for (api::ObjectPtr& object : objects) typed.emplace_back(std::move(object));
  return typed;
}

}  // namespace sampan::client
