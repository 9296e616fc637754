// What all controllers share: an actor that watches kinds, queues the keys that changes concern, and brings one key at a
// time to its desired state.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/clock.h"
#include "async/executor.h"
#include "async/gate.h"
#include "base/rng.h"
#include "client/events.h"
#include "client/informer.h"
#include "client/work_queue.h"

namespace sampan::controllers {

using api::ObjectPtr;

// The world as controllers see it. Everything is borrowed and outlives them.
struct World {
  client::Client& client;
  client::InformerFactory& informers;
  Executor& pool;
  Clock& clock;
  Rng& rng;
};

class Controller {
 public:
  virtual ~Controller() = default;
  virtual std::string_view name() const = 0;  // as kube-controller-manager's --controllers names it
  // Works until `stop`; all of its coroutines have ended when it returns. Called once.
  virtual Task<void> Run(CancelToken stop) = 0;
};

// A controller around a work queue. Subclasses subscribe in Subscribe(), queue keys from their handlers, and do the work
// in Sync(). All of it runs on one strand, so that members need no lock; several keys may be in Sync() at once, each
// between two co_awaits of the others.
class KeyedController : public Controller {
 public:
  std::string_view name() const final { return name_; }
  Task<void> Run(CancelToken stop) final;

 protected:
  struct Options {
    std::string name;
    std::string event_component;  // empty: no events
    int workers = 5;
  };
  KeyedController(World world, Options options);
  ~KeyedController() override;

  // Called once, on the strand, before anything else.
  virtual void Subscribe() = 0;
  // An error has the key tried again with backoff; Conflict silently so. So has what escapes: the other keys go on.
  virtual Task<Result<void>> Sync(std::string key) = 0;
  // Periodic or other background work, started beside the workers once all sources are synced, and again when something
  // escapes it.
  virtual Task<void> Background(CancelToken stop);

  // The informer of T; Sync starts only after it is synced.
  template <class T>
  client::Informer<T> Source(client::InformerOptions options = {}) {
    client::Informer<T> informer = world_.informers.For<T>(std::move(options));
    sources_.push_back(&informer.untyped());
    return informer;
  }
  client::ObjectInformer& SourceOf(const api::KindInfo& kind) {
    client::ObjectInformer& informer = world_.informers.ForKind(kind);
    sources_.push_back(&informer);
    return informer;
  }
  void Listen(client::ObjectInformer& informer, client::ObjectHandlers handlers) {
    subscriptions_.push_back(informer.Subscribe(*strand_, std::move(handlers)));
  }
  // Queues the object's own key at every change.
  void QueueChangesOf(client::ObjectInformer& informer);

  void Queue(std::string key) { queue_.Add(std::move(key)); }
  void QueueAfter(std::string key, Duration delay) { queue_.AddAfter(std::move(key), delay); }
  void Emit(const api::Object& object, client::EventType type, std::string_view reason, std::string message);

  const World world_;
  const std::unique_ptr<Executor> strand_;

 private:
  Task<void> RunOnStrand(CancelToken stop);
  Task<void> End(CancelSource* own);
  Task<void> Work();
  void Settle(const std::string& key, const Result<void>& synced);

  const std::string name_;
  const int workers_;
  client::WorkQueue queue_;
  std::unique_ptr<client::EventRecorder> events_;
  std::vector<client::ObjectInformer*> sources_;
  std::vector<client::Subscription> subscriptions_;
  Gate gate_;
  // Events end last: the workers' last ones are written, too.
  CancelSource events_stop_;
  Gate events_gate_;
};

// Suspends until `stop`.
Task<void> UntilStopped(CancelToken stop);

}  // namespace sampan::controllers
