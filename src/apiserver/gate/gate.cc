#include "apiserver/gate/gate.h"

#include "apiserver/errors.h"
#include "apiserver/gate/deadline.h"
#include "async/contain.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kUnit = "request";

// Runs the handler; what escapes it is the outcome. Owns the request for as long as that takes.
Task<Result<Outcome>> Run(const Core* core, std::shared_ptr<ApiRequest> request) {
  try {
    Result<Outcome> outcome = co_await request->route.handler(core, request.get());
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

}  // namespace

RequestGate::RequestGate(const Core& core, Metrics& metrics, const GateOptions& options)
    : core_(core), metrics_(metrics), options_(options), places_(options.limits) {}

Result<void> RequestGate::CheckUp() const {
  if (stopping_.load(std::memory_order_relaxed)) return Fail(Error::ServiceUnavailable("the server is shutting down"));
  if (!loaded_.load(std::memory_order_acquire)) return Fail(StartingError());
  return {};
}

Result<void> RequestGate::Authorize(ApiRequest& request) const {
  auth::Attributes attributes = AttributesOf(request);
  TRY_VOID(auth::Require(core_.authorizer, attributes));
  if (!ActsByReading(request.info)) return {};
  attributes.verb = "create";
  return auth::Require(core_.authorizer, attributes);
}

Task<Result<Outcome>> RequestGate::Handle(std::shared_ptr<ApiRequest> request) {
  Duration limit = options_.request_timeout;
  if (request->time_limit && *request->time_limit > Duration(0)) limit = std::min(limit, *request->time_limit);
  std::optional<Result<Outcome>> outcome =
      co_await Within(limit, &core_.registry.clock(), &late_, Run(&core_, std::move(request)));
  if (!outcome) {
    metrics_.ObserveTermination(504);
    co_return Fail(TimeoutError());
  }
  co_return *std::move(outcome);
}

Task<Result<Outcome>> RequestGate::Through(std::shared_ptr<ApiRequest> request, Door* door, Place* place) {
  CO_TRY_VOID(CheckUp());
  CO_TRY_VOID(co_await door->Identify(request.get()));
  CO_TRY_VOID(door->Impersonate(*request));
  auto given = co_await places_.Acquire(Places::Classify(*request));
  if (!given) {
    metrics_.ObserveTermination(429);
    co_return Fail(std::move(given).error());
  }
  *place = *std::move(given);
  CO_TRY_VOID(Authorize(*request));
  if (request->info.is_resource) {
    CO_TRY(request->route, FindRoute(core_, request->info));
    const Resource* resource = request->route.resource;
    if (resource != nullptr && !resource->cache->IsReady()) co_return Fail(StartingError());
  }
  CO_TRY_VOID(co_await door->Decode(request.get()));
  if (request->route.handler == nullptr) {
    auto served = co_await door->Serve(request.get());
    co_return served;
  }
  auto outcome = co_await Handle(std::move(request));
  co_return outcome;
}

Task<void> RequestGate::Pass(std::shared_ptr<ApiRequest> request, Door* door) {
  MonoTime begun = core_.registry.clock().Monotonic();
  Place place;
  auto outcome = co_await Contained(kUnit, Through(request, door, &place));
  bool answered = co_await Contained(kUnit, door->Answer(request.get(), std::move(outcome)));
  if (!answered) {
    request->escaped = true;
    co_await Contained(kUnit, door->Answer(request.get(), Fail(Error::InternalError("Internal Server Error"))));
  }
  Duration took = core_.registry.clock().Monotonic() - begun;
  metrics_.Observe(request->route.resource, request->info.verb, request->status, took);
}

Task<void> RequestGate::Close() {
  stopping_.store(true);
  co_await late_.Close();
}

}  // namespace sampan::apiserver
