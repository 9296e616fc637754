#include "apiserver/gate/gate.h"

#include "apiserver/errors.h"
#include "apiserver/gate/deadline.h"
#include "async/contain.h"
#include "async/spawn.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kUnit = "request";

// What escapes the task is its outcome. Owns the request for as long as that takes.
Task<Result<Outcome>> Guarded(std::shared_ptr<ApiRequest> request, Task<Result<Outcome>> task) {
  try {
    Result<Outcome> outcome = co_await std::move(task);
    co_return outcome;
  } catch (...) {
    request->escaped = true;
    co_return Fail(ReportEscape(kUnit));
  }
}

// A stream that is opened by GET, as WebSockets are, acts on the pod all the same: a right to read is not enough for it.
bool ActsByReading(const RequestInfo& info) {
  return info.verb == "get" && info.resource == "pods" && info.group.empty() &&
         (info.subresource == "exec" || info.subresource == "attach" || info.subresource == "portforward");
}

// Whether a large object is changed, however small the change is.
bool ChangesLargeObject(const ApiRequest& request) {
  const RequestInfo& info = request.info;
  const Resource* resource = request.route.resource;
  if (resource == nullptr || request.route.handler == nullptr || !info.mutating() || info.name.empty()) return false;
  ObjectPtr object = resource->cache->Get(resource->kind->namespaced() ? info.namespace_ : "", info.name);
  return object != nullptr && object->bytes().size() > kHeavyBytes;
}

}  // namespace

// One request on its way.
struct RequestGate::Passage {
  std::shared_ptr<ApiRequest> request;
  Door* door = nullptr;
  std::optional<audit::Trail> trail;  // where an audit log is kept
};

RequestGate::RequestGate(const Core& core, Metrics& metrics, const GateOptions& options)
    : core_(core), metrics_(metrics), options_(options), places_(options.limits) {}

Result<void> RequestGate::CheckUp() const {
  if (stopping_.load(std::memory_order_relaxed)) return Fail(Error::ServiceUnavailable("the server is shutting down"));
  if (!loaded_.load(std::memory_order_acquire)) return Fail(StartingError());
  return {};
}

Result<void> RequestGate::Authorize(Passage& passage) const {
  const RequestInfo& info = passage.request->info;
  auth::Attributes attributes = AttributesOf(*passage.request);
  // The reason of a permission costs time that only the log is worth.
  bool logged = passage.trail && passage.trail->logs();
  auth::Decision decision = logged ? core_.authorizer.Explain(attributes) : core_.authorizer.Authorize(attributes);
  if (decision.allowed && ActsByReading(info)) {
    attributes.verb = "create";
    decision = core_.authorizer.Authorize(attributes);
  }
  if (logged) passage.trail->Authorized(decision);
  if (decision.allowed) return {};
  return Fail(auth::ForbiddenError(attributes, decision.reason));
}

Task<Result<void>> RequestGate::Identify(Passage* passage) {
  auto known = co_await passage->door->Identify(passage->request.get());
  if (passage->trail) {
    if (known) {
      passage->trail->Received();
    } else {
      passage->trail->Unauthenticated(known.error());
    }
  }
  CO_TRY_VOID(std::move(known));
  co_return passage->door->Impersonate(*passage->request);
}

Task<Result<Outcome>> RequestGate::Handle(std::shared_ptr<ApiRequest> request) {
  // A read of one object waits for nothing that has no end of its own, three seconds from now.
  if (request->info.verb == "get" && !request->time_limit) {
    auto read = co_await request->route.handler(&core_, request.get());
    co_return read;
  }
  Duration limit = options_.request_timeout;
  if (request->time_limit && *request->time_limit > Duration(0)) limit = std::min(limit, *request->time_limit);
  Task<Result<Outcome>> work = request->route.handler(&core_, request.get());
  if (request->heavy) work = core_.heavy.Run(HeavyWork::AccountOf(*request), std::move(work));
  std::optional<Result<Outcome>> outcome =
      co_await Within(limit, &core_.registry.clock(), &late_, Guarded(std::move(request), std::move(work)));
  if (!outcome) {
    metrics_.ObserveTermination(504);
    co_return Fail(TimeoutError());
  }
  co_return *std::move(outcome);
}

Task<Result<Outcome>> RequestGate::Through(Passage* passage) {
  std::shared_ptr<ApiRequest> request = passage->request;
  CO_TRY_VOID(CheckUp());
  CO_TRY_VOID(co_await Identify(passage));
  auto given = co_await places_.Acquire(Places::Classify(*request));
  if (!given) {
    metrics_.ObserveTermination(429);
    co_return Fail(std::move(given).error());
  }
  request->place = *std::move(given);
  CO_TRY_VOID(Authorize(*passage));
  if (request->info.is_resource) {
    CO_TRY(request->route, FindRoute(core_, request->info));
    const Resource* resource = request->route.resource;
    if (resource != nullptr && !resource->cache->IsReady()) co_return Fail(StartingError());
  }
  CO_TRY_VOID(co_await passage->door->Decode(request.get()));
  request->heavy = request->heavy || ChangesLargeObject(*request);
  if (passage->trail && passage->trail->logs()) passage->trail->Decoded();
  if (request->route.handler == nullptr) {
    auto served = co_await passage->door->Serve(request.get());
    co_return served;
  }
  auto outcome = co_await Handle(std::move(request));
  co_return outcome;
}

Task<void> RequestGate::Pass(std::shared_ptr<ApiRequest> request, Door* door) {
  Clock& clock = core_.registry.clock();
  MonoTime begun = clock.Monotonic();
  Passage passage{request, door, std::nullopt};
  if (audits()) {
    if (request->audit_id.empty()) request->audit_id = core_.registry.rng().Uuid();
    passage.trail.emplace(options_.audit, clock, *request);
    request->on_streaming = [&trail = *passage.trail] { trail.Started(); };
  }
  auto outcome = co_await Guarded(request, Through(&passage));
  if (passage.trail && passage.trail->logs()) co_await Contained(kUnit, passage.trail->Outcome(&outcome));
  bool answered = co_await Contained(kUnit, door->Answer(request.get(), std::move(outcome)));
  if (!answered) {
    request->escaped = true;
    co_await Contained(kUnit, door->Answer(request.get(), Fail(Error::InternalError("Internal Server Error"))));
  }
  metrics_.Observe(request->route.resource, request->info.verb, request->status, clock.Monotonic() - begun);
  if (passage.trail) passage.trail->Complete();
}

Task<void> RequestGate::Close() {
  stopping_.store(true);
  co_await late_.Close();
}

}  // namespace sampan::apiserver
