// Informers keep a local copy of a kind by list and watch, and tell about its changes. One process shares one informer per
// kind through its InformerFactory.
//
//   client::Informer<core::Pod> pods = informers.For<core::Pod>();
//   client::Subscription subscription = pods->Subscribe(*strand_, {.added = ..., .updated = ..., .deleted = ...});
//   co_await pods->WaitSynced(stop);
//   client::TypedPtr<core::Pod> pod = pods.Get("default", "web-0");      // null when absent
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/clock.h"
#include "async/executor.h"
#include "base/rng.h"
#include "client/client.h"
#include "client/object_cache.h"
#include "client/typed_ptr.h"

namespace sampan::client {

// Any may be empty. Called on the subscriber's strand, in the order of the changes; each at once after the cache changed,
// so the cache may be ahead of the call. A relist after a lost watch appears as the differences only. What escapes a handler
// costs the call alone, which is made once more.
struct ObjectHandlers {
  std::function<void(const ObjectPtr& object)> added;
  std::function<void(const ObjectPtr& before, const ObjectPtr& after)> updated;
  std::function<void(const ObjectPtr& last)> deleted;
};

// Ends the calls when destroyed. Destroyed on the subscriber's strand (or when that strand has stopped): then no call runs
// during or after the destructor.
class Subscription {
 public:
  Subscription() = default;
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept;
  ~Subscription();

 private:
  friend class ObjectInformer;
  struct State;
  struct Subscribers;
  explicit Subscription(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

struct InformerOptions {
  std::string namespace_;  // empty: all
  std::string label_selector;
  std::string field_selector;  // "spec.nodeName=node-a"
};

// Thread-safe. Made and owned by the factory.
class ObjectInformer {
 public:
  ObjectInformer(Client& client, const api::KindInfo& kind, InformerOptions options, Clock& clock, Rng& rng);
  ~ObjectInformer();

  const api::KindInfo& kind() const;
  ObjectCache& cache() { return cache_; }
  const ObjectCache& cache() const { return cache_; }

  // Every object that is there already is told as added, then every change.
  Subscription Subscribe(Executor& strand, ObjectHandlers handlers);

  bool synced() const;             // the first list is in the cache
  api::Revision revision() const;  // everything up to here is in the cache
  // True once synced; false when `stop` came first. What subscribers on the caller's strand are told of the first list
  // has then been told.
  Task<bool> WaitSynced(CancelToken stop);

  // Lists, watches and resumes until `stop`: at once when the server ends a watch, by a new list when the place is lost,
  // with exponential backoff (50 ms to 5 s, jittered) on errors. The factory runs it.
  Task<void> Run(CancelToken stop);

 private:
  struct State;
  Task<Result<void>> Round(Task<Result<void>> round);
  Task<Result<void>> ListOnce(CancelToken stop);
  Task<Result<void>> WatchOnce(CancelToken stop);
  void Apply(const std::vector<WatchEvent>& events);
  void Publish(std::vector<Delta> deltas);

  Client& client_;
  Clock& clock_;
  Rng& rng_;
  ObjectCache cache_;
  std::unique_ptr<State> state_;
};

// The typed view of an informer; a copyable handle.
template <class T>
class Informer {
 public:
  Informer() = default;
  explicit Informer(ObjectInformer& informer) : informer_(&informer) {}
  ObjectInformer* operator->() const { return informer_; }
  ObjectInformer& untyped() const { return *informer_; }

  TypedPtr<T> Get(std::string_view namespace_, std::string_view name) const {
    return TypedPtr<T>(informer_->cache().Get(namespace_, name));
  }
  TypedPtr<T> GetByKey(std::string_view key) const { return TypedPtr<T>(informer_->cache().GetByKey(key)); }
  std::vector<TypedPtr<T>> List() const { return Typed<T>(informer_->cache().List()); }
  std::vector<TypedPtr<T>> ListNamespace(std::string_view namespace_) const {
    return Typed<T>(informer_->cache().ListNamespace(namespace_));
  }
  std::vector<TypedPtr<T>> ByIndex(std::string_view index, std::string_view key) const {
    return Typed<T>(informer_->cache().ByIndex(index, key));
  }

 private:
  ObjectInformer* informer_ = nullptr;
};

// Thread-safe. All references outlive it; it outlives its users.
class InformerFactory {
 public:
  InformerFactory(Client& client, Executor& pool, Clock& clock, Rng& rng);
  ~InformerFactory();  // after Stop()

  // The informer of the kind and options; the first call makes and starts it.
  ObjectInformer& ForKind(const api::KindInfo& kind, InformerOptions options = {});
  template <class T>
  Informer<T> For(InformerOptions options = {}) {
    return Informer<T>(ForKind(api::KindOf<T>(), std::move(options)));
  }
  // Ends all informers and waits for them. None can be made afterwards.
  Task<void> Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sampan::client
