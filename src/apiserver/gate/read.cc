#include "apiserver/errors.h"
#include "apiserver/gate/handlers.h"

namespace sampan::apiserver {

namespace {

constexpr Duration kFreshnessTimeout = std::chrono::seconds(3);

Task<Result<ObjectPtr>> Read(ApiRequest* request) {
  auto operation = std::get<GetOperation>(request->operation);
  store::Cache& cache = *request->route.resource->cache;
  if (operation.at_least > cache.revision()) {
    CO_TRY_VOID(co_await cache.WaitFor(operation.at_least, kFreshnessTimeout));
  }
  const api::KindInfo& kind = request->kind();
  ObjectPtr object = cache.Get(kind.namespaced() ? std::string_view(request->info.namespace_) : "", request->info.name);
  if (object == nullptr) co_return Fail(NotFoundError(kind, request->info.name));
  co_return object;
}

}  // namespace

Task<Result<Outcome>> HandleGet(const Core*, ApiRequest* request) {
  CO_TRY(ObjectPtr object, co_await Read(request));
  co_return ObjectOutcome{std::move(object)};
}

Task<Result<Outcome>> HandleGetScale(const Core*, ApiRequest* request) {
  CO_TRY(ObjectPtr object, co_await Read(request));
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
