#include "apiserver/registry/watch.h"

#include "apiserver/errors.h"
#include "apiserver/turn.h"

namespace sampan::apiserver {

namespace {

constexpr Duration kFreshnessTimeout = std::chrono::seconds(3);
constexpr size_t kInitialBatch = 256;

Result<void> CheckParameters(const WatchRequest& request) {
  auto refuse = [](std::string_view why) {
    ErrorDetails details;
    details.group = "meta.k8s.io";
    details.kind = "ListOptions";
    details.causes.push_back({"FieldValueForbidden", fmt::format("Forbidden: {}", why), "resourceVersionMatch"});
    return Fail(Error::Invalid("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: {}", why)
                    .WithDetails(std::move(details)));
  };
  if (request.send_initial_events) {
    if (request.resource_version_match != "NotOlderThan") {
      return refuse("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
  } else if (!request.resource_version_match.empty()) {
    return refuse("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  }
  return {};
}

}  // namespace

Task<Result<std::unique_ptr<Watcher>>> Watcher::Open(const Resource* resource, WatchRequest request) {
  CO_TRY_VOID(CheckParameters(request));
  store::Cache& cache = *resource->cache;
  if (!cache.IsReady()) co_return Fail(Error::ServiceUnavailable("storage is (re)initializing"));
  CO_TRY(store::Revision wanted, ParseRevision(request.resource_version));
  bool initial = request.send_initial_events.value_or(wanted == 0);
  if (wanted > 0 && initial) CO_TRY_VOID(co_await cache.WaitFor(wanted, kFreshnessTimeout));

  std::unique_ptr<Watcher> watcher(new Watcher(resource, std::move(request.selection)));
  store::CacheQuery query = watcher->selection_.Query(cache.options());
  watcher->start_ = wanted;
  if (initial) {
    store::CacheList list = cache.List(query);
    watcher->start_ = list.revision;
    // Subscribed before a look at the objects lets time pass.
    CO_TRY(watcher->subscription_, cache.Subscribe(query, list.revision));
    Turn turn;
    for (const ObjectPtr& object : list.items) {
      if (turn.Spent(watcher->selection_.Cost(*object))) co_await Yield();
      if (!watcher->selection_.Matches(*resource->kind, *object)) continue;
      watcher->initial_.push_back({Change::Type::kAdded, object, object->revision()});
    }
    if (request.send_initial_events.value_or(false) && request.allow_bookmarks) {
      watcher->initial_.push_back({Change::Type::kInitialEnd, nullptr, list.revision});
    }
  } else if (wanted == 0) {
    watcher->start_ = cache.revision();
  }
  if (watcher->subscription_ == nullptr) {
    CO_TRY(watcher->subscription_, cache.Subscribe(std::move(query), watcher->start_));
  }
  co_return watcher;
}

store::Revision Watcher::Progress() const {
  return std::max(start_, subscription_->Progress());
}

Task<Result<std::optional<std::vector<Change>>>> Watcher::Next() {
  if (initial_sent_ < initial_.size()) {
    size_t end = std::min(initial_.size(), initial_sent_ + kInitialBatch);
    auto first = initial_.begin() + static_cast<std::ptrdiff_t>(initial_sent_);
    auto last = initial_.begin() + static_cast<std::ptrdiff_t>(end);
    std::vector<Change> batch(std::make_move_iterator(first), std::make_move_iterator(last));
    initial_sent_ = end;
    if (initial_sent_ == initial_.size()) std::vector<Change>().swap(initial_);
    if (initial_.empty()) initial_sent_ = 0;
    co_return batch;
  }
  std::vector<Change> changes;
  while (changes.empty()) {
    CO_TRY(std::optional<std::vector<store::CacheEventPtr>> events, co_await subscription_->Next());
    if (!events) co_return std::optional<std::vector<Change>>();
    for (const store::CacheEventPtr& event : *events) Translate(*event, changes);
  }
  co_return changes;
}

void Watcher::Translate(const store::CacheEvent& event, std::vector<Change>& changes) const {
  bool before = event.old() != nullptr && selection_.Matches(*kind_, *event.old());
  bool after = event.object() != nullptr && selection_.Matches(*kind_, *event.object());
  if (after) {
    changes.push_back({before ? Change::Type::kModified : Change::Type::kAdded, event.object(), event.revision()});
  } else if (before) {
    changes.push_back({Change::Type::kDeleted, event.Departed(), event.revision()});
  }
}

}  // namespace sampan::apiserver
