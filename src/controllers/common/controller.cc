#include "controllers/common/controller.h"

#include "async/oneshot.h"
#include "async/spawn.h"
#include "base/log.h"
#include "controllers/common/objects.h"

namespace sampan::controllers {

Task<void> UntilStopped(CancelToken stop) {
  Oneshot<bool> stopped;
  CancelToken::Subscription on_stop = stop.OnCancel([sender = stopped.sender()]() mutable { sender.Set(true); });
  co_await stopped.Wait();
}

KeyedController::KeyedController(World world, Options options)
    : world_(world),
      strand_(NewStrand(world.pool)),
      name_(std::move(options.name)),
      workers_(options.workers),
      queue_(world.clock) {
  if (options.event_component.empty()) return;
  events_ = std::make_unique<client::EventRecorder>(world.client, world.clock, world.rng,
                                                    client::EventOptions{.component = options.event_component});
}

KeyedController::~KeyedController() = default;

Task<void> KeyedController::Background(CancelToken) {
  co_return;
}

void KeyedController::QueueChangesOf(client::ObjectInformer& informer) {
  Listen(informer, {.added = [this](const ObjectPtr& object) { Queue(client::KeyOf(*object)); },
                    .updated = [this](const ObjectPtr&, const ObjectPtr& after) { Queue(client::KeyOf(*after)); },
                    .deleted = [this](const ObjectPtr& last) { Queue(client::KeyOf(*last)); }});
}

void KeyedController::Emit(const api::Object& object, client::EventType type, std::string_view reason, std::string message) {
  if (events_ != nullptr) events_->Record(object, type, reason, std::move(message));
}

Task<void> KeyedController::Run(CancelToken stop) {
  co_await RunOn(*strand_, RunOnStrand(stop));
}

Task<bool> KeyedController::RunOnStrand(CancelToken stop) {
  Subscribe();
  bool synced = true;
  for (client::ObjectInformer* source : sources_) {
    if (synced) synced = co_await source->WaitSynced(stop);
  }
  CancelSource events_stop;
  Gate events_gate;
  if (synced) {
    if (events_ != nullptr) Spawn(*strand_, events_gate, events_->Run(events_stop.token()));
    for (int i = 0; i < workers_; ++i) Spawn(*strand_, gate_, Work());
    Spawn(*strand_, gate_, Background(stop));
    co_await UntilStopped(stop);
  }
  queue_.Close();
  co_await gate_.Close();
  subscriptions_.clear();
  events_stop.Cancel();
  co_await events_gate.Close();
  co_return synced;
}

Task<void> KeyedController::Work() {
  while (true) {
    std::optional<std::string> key = co_await queue_.Next();
    if (!key) co_return;
    Result<void> synced = co_await Sync(*key);
    if (synced) {
      queue_.Forget(*key);
    } else {
      // A conflict or an absent object only says that the cache is behind: the change that made it so is on its way.
      bool expected =
          synced.error().Is(Reason::kConflict) || synced.error().Is(Reason::kNotFound) || NamespaceEnds(synced.error());
      log::Log(expected ? log::Level::kDebug : log::Level::kWarn, name_, "{}: {}", *key, synced.error());
      queue_.AddRateLimited(*key);
    }
    queue_.Done(*key);
  }
}

}  // namespace sampan::controllers
