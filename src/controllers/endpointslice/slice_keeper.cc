#include "controllers/endpointslice/slice_keeper.h"

#include "client/typed.h"

namespace sampan::controllers::endpointslice {

// Empty when this keeper does not keep the slice.
std::string SliceKeeper::ServiceKey(const api::Object& slice) const {
  const api::StringMap& labels = slice.head().labels;
  const std::string* manager = labels.Find(kManagedBy);
  const std::string* service = labels.Find(kServiceName);
  if (manager == nullptr || *manager != manager_ || service == nullptr) return "";
  return client::KeyOf(slice.namespace_(), *service);
}

void SliceKeeper::Attach(client::Informer<EndpointSlice> slices) {
  slices_ = slices;
  slices_->cache().AddIndex(manager_, [this](const api::Object& slice, std::vector<std::string>& keys) {
    std::string key = ServiceKey(slice);
    if (!key.empty()) keys.push_back(std::move(key));
  });
}

client::ObjectHandlers SliceKeeper::Handlers(std::function<void(std::string key)> queue) {
  auto changed = [this, queue = std::move(queue)](const api::Object& slice) {
    std::string key = ServiceKey(slice);
    if (key.empty()) return;
    // The echo of our own write needs no second look, unless a sync was put off until its slices are seen.
    auto written = written_.find(client::KeyOf(slice));
    bool echo = written != written_.end() && written->second == slice.revision();
    if (!echo || put_off_.erase(key) > 0) queue(std::move(key));
  };
  return {.added =
              [this, changed](const ObjectPtr& slice) {
                expectations_.CreationObserved(ServiceKey(*slice));
                changed(*slice);
              },
          .updated = [changed](const ObjectPtr&, const ObjectPtr& after) { changed(*after); },
          .deleted =
              [this, changed](const ObjectPtr& last) {
                written_.erase(client::KeyOf(*last));
                changed(*last);
              }};
}

std::vector<SlicePtr> SliceKeeper::SlicesOf(const std::string& key) const {
  return slices_.ByIndex(manager_, key);
}

bool SliceKeeper::Ready(const std::string& key) {
  // A slice that is older than what was written last would make a plan for the past, and its echo would not be looked at.
  const bool behind = std::ranges::any_of(SlicesOf(key), [this](const SlicePtr& slice) {
    auto written = written_.find(client::KeyOf(*slice.object()));
    return written != written_.end() && written->second > slice.object()->revision();
  });
  if (!behind && expectations_.Satisfied(key, clock_.Monotonic())) return true;
  put_off_.insert(key);
  return false;
}

void SliceKeeper::Forget(const std::string& key) {
  expectations_.Forget(key);
  put_off_.erase(key);
}

Task<Result<void>> SliceKeeper::Execute(std::string key, Plan plan) {
  for (EndpointSlice& slice : plan.update) {
    CO_TRY(SlicePtr updated, co_await client::Update(client_, std::move(slice)));
    written_[client::KeyOf(*updated.object())] = updated.object()->revision();
  }
  expectations_.ExpectCreations(key, static_cast<int>(plan.create.size()), clock_.Monotonic());
  std::optional<Error> failed;
  for (EndpointSlice& slice : plan.create) {
    if (!failed) {
      Result<SlicePtr> created = co_await client::Create(client_, std::move(slice));
      if (created) {
        written_[client::KeyOf(*created->object())] = created->object()->revision();
        continue;
      }
      failed = std::move(created).error();
    }
    expectations_.CreationObserved(key);
  }
  if (failed) co_return Fail(*failed);
  for (const SlicePtr& slice : plan.remove) {
    Result<void> removed =
        co_await client::Delete<EndpointSlice>(client_, slice.namespace_(), slice.name(), {.uid_precondition = slice.uid()});
    if (!removed && !removed.error().Is(Reason::kNotFound)) co_return Fail(std::move(removed).error());
  }
  co_return Result<void>();
}

}  // namespace sampan::controllers::endpointslice
