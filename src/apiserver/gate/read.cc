#include "apiserver/errors.h"
#include "apiserver/gate/handlers.h"

namespace sampan::apiserver {

namespace {

constexpr Duration kFreshnessTimeout = std::chrono::seconds(3);

Result<ObjectPtr> Find(const ApiRequest& request) {
  const api::KindInfo& kind = request.kind();
  std::string_view namespace_ = kind.namespaced() ? std::string_view(request.info.namespace_) : std::string_view();
  ObjectPtr object = request.route.resource->cache->Get(namespace_, request.info.name);
  if (object == nullptr) return Fail(NotFoundError(kind, request.info.name));
  return object;
}

// Whether the cache has yet to reach what the client demands. Asked first, because waiting costs even where it is short.
bool IsBehind(const ApiRequest& request) {
  return std::get<GetOperation>(request.operation).at_least > request.route.resource->cache->revision();
}

Task<Result<void>> CatchUp(const ApiRequest* request) {
  return request->route.resource->cache->WaitFor(std::get<GetOperation>(request->operation).at_least, kFreshnessTimeout);
}

}  // namespace

Task<Result<Outcome>> HandleGet(const Core*, ApiRequest* request) {
  if (IsBehind(*request)) CO_TRY_VOID(co_await CatchUp(request));
  CO_TRY(ObjectPtr object, Find(*request));
  co_return ObjectOutcome{std::move(object)};
}

Task<Result<Outcome>> HandleGetScale(const Core*, ApiRequest* request) {
  if (IsBehind(*request)) CO_TRY_VOID(co_await CatchUp(request));
  CO_TRY(ObjectPtr object, Find(*request));
  co_return ValueOutcome{request->route.body, ScaleOf(*object), Made::kNo, object->revision()};
}

Task<Result<Outcome>> HandleList(const Core* core, ApiRequest* request) {
  auto operation = std::get<ListOperation>(std::move(request->operation));
  CO_TRY(ListPage page, co_await List(&core->registry, request->route.resource, std::move(operation.request)));
  co_return page;
}

Task<Result<Outcome>> HandleWatch(const Core*, ApiRequest* request) {
  auto operation = std::get<WatchOperation>(std::move(request->operation));
  CO_TRY(std::unique_ptr<Watcher> watcher, co_await Watcher::Open(request->route.resource, std::move(operation.request)));
  co_return watcher;
}

}  // namespace sampan::apiserver
