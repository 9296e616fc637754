#include <algorithm>

#include "apiserver/gate/handlers.h"
#include "async/spawn.h"

namespace sampan::apiserver {

namespace {

// So many deletions of a collection, of objects of so many bytes, go together: they share the disk's flushes, and others'
// requests come in between.
constexpr size_t kTogether = 64;
constexpr size_t kBytesTogether = 1024 * 1024;

Task<Result<void>> DeleteOne(const Core* core, const ApiRequest* request, ObjectPtr object, const DeleteOperation* how) {
  Call call = CallOf(*core, *request);
  call.namespace_ = object->namespace_();
  call.name = object->name();
  call.dry_run = how->dry_run == DryRun::kYes;
  auto deleted = co_await core->registry.Delete(&call, how->request);
  if (!deleted && !deleted.error().Is(Reason::kNotFound)) co_return Fail(std::move(deleted).error());
  co_return Result<void>{};
}

Task<Result<void>> DeleteAll(const Core* core, const ApiRequest* request, const ListPage* page, const DeleteOperation* how) {
  for (auto next = page->items.begin(); next != page->items.end();) {
    std::vector<Task<Result<void>>> deletions;
    for (size_t bytes = 0; next != page->items.end() && deletions.size() < kTogether && bytes < kBytesTogether; ++next) {
      bytes += (*next)->bytes().size();
      deletions.push_back(DeleteOne(core, request, *next, how));
    }
    std::vector<Result<void>> deleted = co_await WhenAll(std::move(deletions));
    for (Result<void>& one : deleted) CO_TRY_VOID(std::move(one));
  }
  co_return Result<void>{};
}

bool HasLargeObjects(const ListPage& page) {
  return std::ranges::any_of(page.items, [](const ObjectPtr& object) { return object->bytes().size() > kHeavyBytes; });
}

}  // namespace

Task<Result<Outcome>> HandleDelete(const Core* core, ApiRequest* request) {
  auto operation = std::get<DeleteOperation>(std::move(request->operation));
  Call call = CallOf(*core, *request);
  call.dry_run = operation.dry_run == DryRun::kYes;
  CO_TRY(Deleted deleted, co_await core->registry.Delete(&call, std::move(operation.request)));
  request->warnings = std::move(call.warnings);
  if (!deleted.gone || call.resource->traits.returns_deleted) co_return ObjectOutcome{std::move(deleted.object)};
  co_return DoneOutcome{std::move(deleted.object)};
}

Task<Result<Outcome>> HandleDeleteCollection(const Core* core, ApiRequest* request) {
  auto operation = std::get<DeleteCollectionOperation>(std::move(request->operation));
  CO_TRY(ListPage page, co_await List(&core->registry, request->route.resource, std::move(operation.which)));
  Task<Result<void>> work = DeleteAll(core, request, &page, &operation.each);
  if (HasLargeObjects(page) && !request->heavy) {
    work = core->heavy.Run(HeavyWork::AccountOf(*request), std::move(work));
  }
  CO_TRY_VOID(co_await std::move(work));
  co_return page;
}

}  // namespace sampan::apiserver
