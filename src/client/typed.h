// Requests with generated structs. Each is a one-line wrapper of Client; errors pass through untouched.
//
//   CO_TRY(auto pod, co_await client::Get<core::Pod>(api, "default", "web-0"));
//   core::Pod changed = *pod;  changed.status->phase = "Running";
//   CO_TRY(auto stored, co_await client::UpdateStatus(api, std::move(changed)));
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/types/convert.h"
#include "client/client.h"
#include "client/typed_ptr.h"

namespace sampan::client {

template <class T>
Ref RefOf(std::string namespace_, std::string name = {}, std::string subresource = {}) {
  return Ref{&api::KindOf<T>(), std::move(namespace_), std::move(name), std::move(subresource)};
}
// The reference of a stored object of a built-in kind; kind is null for others.
inline Ref RefOf(const api::Object& object, std::string subresource = {}) {
  return Ref{api::FindKind(object.head().api_version, object.head().kind), object.namespace_(), object.name(),
             std::move(subresource)};
}

template <class T>
Task<Result<TypedPtr<T>>> Get(Client& client, std::string namespace_, std::string name) {
  CO_TRY(ObjectPtr object, co_await client.Get(RefOf<T>(std::move(namespace_), std::move(name))));
  co_return TypedPtr<T>(std::move(object));
}

template <class T>
Task<Result<std::vector<TypedPtr<T>>>> List(Client& client, std::string namespace_, ListOptions options = {}) {
  CO_TRY(ListResult list, co_await client.List(RefOf<T>(std::move(namespace_)), std::move(options)));
  co_return Typed<T>(std::move(list.items));
}

template <class T>
Task<Result<TypedPtr<T>>> Create(Client& client, T object) {
  Ref ref = RefOf<T>(object.metadata.namespace_);
  CO_TRY(ObjectPtr created, co_await client.Create(std::move(ref), api::ToJson(object)));
  co_return TypedPtr<T>(std::move(created));
}

// Conflict when the stored object is not at object.metadata.resource_version.
template <class T>
Task<Result<TypedPtr<T>>> Update(Client& client, T object, std::string subresource = {}) {
  Ref ref = RefOf<T>(object.metadata.namespace_, object.metadata.name, std::move(subresource));
  CO_TRY(ObjectPtr updated, co_await client.Update(std::move(ref), api::ToJson(object)));
  co_return TypedPtr<T>(std::move(updated));
}
template <class T>
Task<Result<TypedPtr<T>>> UpdateStatus(Client& client, T object) {
  return Update(client, std::move(object), "status");
}

// A JSON merge patch of the object or, with `subresource`, of that part of it.
template <class T>
Task<Result<TypedPtr<T>>> MergePatch(Client& client, std::string namespace_, std::string name, json::Value patch,
                                     std::string subresource = {}) {
  Ref ref = RefOf<T>(std::move(namespace_), std::move(name), std::move(subresource));
  CO_TRY(ObjectPtr patched, co_await client.Patch(std::move(ref), std::move(patch), {.type = PatchType::kMerge}));
  co_return TypedPtr<T>(std::move(patched));
}

template <class T>
Task<Result<void>> Delete(Client& client, std::string namespace_, std::string name, DeleteOptions options = {}) {
  CO_TRY_VOID(co_await client.Delete(RefOf<T>(std::move(namespace_), std::move(name)), std::move(options)));
  co_return Result<void>();
}

}  // namespace sampan::client
