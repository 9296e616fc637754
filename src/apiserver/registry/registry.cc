#include "apiserver/registry/registry.h"

#include <algorithm>
#include <tuple>

#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "base/check.h"
#include "store/keys.h"

namespace sampan::apiserver {

namespace {

auto OrderOf(const api::KindInfo& kind) {
  return std::tuple<std::string_view, std::string_view, std::string_view>(kind.resource, kind.group, kind.version);
}

std::vector<std::string> IndexedFields(const api::KindInfo& kind) {
  // What schedulers and node agents select by; other selectable fields are compared object by object.
  if (kind.group.empty() && kind.kind == "Pod") return {"spec.nodeName"};
  if (kind.group.empty() && kind.kind == "Event") return {"involvedObject.uid"};
  return {};
}

}  // namespace

Registry::Registry(const RegistryDependencies& dependencies) : deps_(dependencies) {}
Registry::~Registry() = default;

void Registry::Add(const api::KindInfo& kind, Strategy& strategy) {
  Resource resource;
  resource.kind = &kind;
  resource.strategy = &strategy;
  resource.traits = strategy.traits();
  store::CacheOptions options;
  options.group = kind.group;
  options.resource = kind.resource;
  options.indexed_fields = IndexedFields(kind);
  resource.cache = deps_.caches.Open(options);
  auto place = std::lower_bound(resources_.begin(), resources_.end(), kind,
                                [](const Resource& r, const api::KindInfo& k) { return OrderOf(*r.kind) < OrderOf(k); });
  resources_.insert(place, std::move(resource));
}

void Registry::AddAdmission(std::unique_ptr<Admission> step) {
  admission_.push_back(std::move(step));
}

Task<Result<void>> Registry::Ready() const {
  for (const Resource& resource : resources_) CO_TRY_VOID(co_await resource.cache->Ready());
  co_return Result<void>{};
}

const Resource* Registry::Find(std::string_view group, std::string_view version, std::string_view resource) const {
  std::tuple wanted(resource, group, version);
  auto place = std::lower_bound(resources_.begin(), resources_.end(), wanted,
                                [](const Resource& r, const auto& w) { return OrderOf(*r.kind) < w; });
  return place != resources_.end() && OrderOf(*place->kind) == wanted ? &*place : nullptr;
}

const Resource* Registry::Find(const api::KindInfo& kind) const {
  return Find(kind.group, kind.version, kind.resource);
}

std::unique_ptr<WriteContext> Registry::Context(const Call& call, Intent intent) const {
  auto context = std::make_unique<WriteContext>(*this, *call.user, deps_.rng, deps_.clock.Now());
  context->intent = intent;
  context->kind = call.resource->kind;
  context->published = &call.kind();
  context->namespace_ = call.namespace_;
  context->name = call.name;
  context->subresource = call.subresource;
  context->dry_run = call.dry_run;
  return context;
}

Task<Result<void>> Registry::RunMutating(WriteContext* context, json::Value* object, const json::Value* old) const {
  for (const std::unique_ptr<Admission>& step : admission_) {
    if (!step->Concerns(*context).mutate) continue;
    CO_TRY_VOID(co_await step->Mutate(context, object, old));
  }
  co_return Result<void>{};
}

Task<Result<void>> Registry::RunValidating(WriteContext* context, const json::Value* object, const json::Value* old) const {
  for (const std::unique_ptr<Admission>& step : admission_) {
    if (!step->Concerns(*context).validate) continue;
    CO_TRY_VOID(co_await step->Validate(context, object, old));
  }
  co_return Result<void>{};
}

Task<Result<void>> Registry::Admit(Call* call, Intent intent, json::Value* object) const {
  std::unique_ptr<WriteContext> context = Context(*call, intent);
  CO_TRY_VOID(co_await RunMutating(context.get(), object, nullptr));
  CO_TRY_VOID(co_await RunValidating(context.get(), object, nullptr));
  context->Stored();  // nothing is given back: the request goes on
  call->warnings.insert(call->warnings.end(), context->warnings.begin(), context->warnings.end());
  co_return Result<void>{};
}

ObjectPtr Registry::Written(const Call& call, std::string_view name, json::Value object, store::Revision revision) const {
  ObjectPtr cached = call.resource->cache->Get(call.namespace_, name);
  if (cached != nullptr && cached->revision() == revision) return cached;
  Result<ObjectPtr> built = api::Object::FromValue(std::move(object), revision);
  CHECK(built.has_value());
  return *std::move(built);
}

Task<void> Registry::CatchUp(const Call* call) {
  const api::KindInfo& kind = *call->resource->kind;
  std::string key = store::keys::ObjectKey(kind.group, kind.resource, call->namespace_, call->name);
  auto range = co_await deps_.store.Range(std::move(key), {});
  if (!range) co_return;
  store::Revision seen = range->kvs.empty() ? range->revision : range->kvs[0].mod_revision;
  auto waited = co_await call->resource->cache->WaitFor(seen, std::chrono::seconds(1));
  (void)waited;  // a cache that lags makes the next attempt fail, and that one reports
}

}  // namespace sampan::apiserver
