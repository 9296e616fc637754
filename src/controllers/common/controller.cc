#include "controllers/common/controller.h"

#include "async/contain.h"
#include "async/oneshot.h"
#include "async/restart.h"
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
  CancelSource own(stop);
  co_await RunOn(*strand_, Finally(RunOnStrand(own.token()), End(&own)));
}

Task<void> KeyedController::RunOnStrand(CancelToken stop) {
  Subscribe();
  for (client::ObjectInformer* source : sources_) {
    bool synced = co_await source->WaitSynced(stop);
    if (!synced) co_return;
  }
  if (events_ != nullptr) Spawn(*strand_, events_gate_, events_->Run(events_stop_.token()));
  for (int i = 0; i < workers_; ++i) Spawn(*strand_, gate_, Work());
  auto background = [this](CancelToken until) { return Background(std::move(until)); };
  Spawn(*strand_, gate_, RunRestarting("controller loop", &world_.clock, background, stop));
  co_await UntilStopped(stop);
}

Task<void> KeyedController::End(CancelSource* own) {
  own->Cancel();
  queue_.Close();
  co_await gate_.Close();
  subscriptions_.clear();
  events_stop_.Cancel();
  co_await events_gate_.Close();
}

Task<void> KeyedController::Work() {
  while (true) {
    std::optional<std::string> key = co_await queue_.Next();
    if (!key) co_return;
    Result<void> synced;
    try {
      synced = co_await Sync(*key);
    } catch (...) {
      synced = Fail(ReportEscape("reconcile"));
    }
    Contain("reconcile", [&] { Settle(*key, synced); });
    queue_.Done(*key);
  }
}

void KeyedController::Settle(const std::string& key, const Result<void>& synced) {
  if (synced) return queue_.Forget(key);
  // A conflict or an absent object only says that the cache is behind: the change that made it so is on its way.
  bool expected =
      synced.error().Is(Reason::kConflict) || synced.error().Is(Reason::kNotFound) || NamespaceEnds(synced.error());
  queue_.AddRateLimited(key);
  log::Log(expected ? log::Level::kDebug : log::Level::kWarn, name_, "{}: {}", key, synced.error());
}

}  // namespace sampan::controllers
