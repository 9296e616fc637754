#include "store/cache_state.h"

#include <algorithm>

#include "base/check.h"

namespace sampan::store::detail {
namespace {

constexpr size_t kAlwaysKept = 256;
constexpr Duration kFresh = std::chrono::minutes(2);

keys::ObjectId IdOf(const api::Object& object) {
  return {object.namespace_(), object.name()};
}

ObjectView ViewOf(api::ObjectPtr object) {
  SortedObjects one;
  if (object) one.Put(std::move(object));
  return one.Snapshot();
}

}  // namespace

CacheState::CacheState(const CacheOptions& options)
    : options_(options), indexes_(options.indexed_fields.size()), watchers_(options.indexed_fields, options.queue_limit) {}

std::vector<std::string> CacheState::FieldsOf(const api::ObjectPtr& object) const {
  std::vector<std::string> values(options_.indexed_fields.size());
  if (!object) return values;
  for (size_t i = 0; i < values.size(); ++i) values[i] = StringAt(object->bytes(), options_.indexed_fields[i]);
  return values;
}

void CacheState::Load(std::vector<api::ObjectPtr> objects, Revision revision) {
  objects_.Clear();
  for (ValueIndex& index : indexes_) index.clear();
  recent_.clear();
  recent_bytes_ = 0;
  forgotten_ = revision;
  applied_ = revision;
  const std::vector<std::string> absent(options_.indexed_fields.size());
  for (api::ObjectPtr& object : objects) {
    Reindex(nullptr, object, absent, FieldsOf(object));
    objects_.Put(std::move(object));
  }
}

void CacheState::Reindex(const api::ObjectPtr& old, const api::ObjectPtr& object, const std::vector<std::string>& before,
                         const std::vector<std::string>& after) {
  for (size_t i = 0; i < indexes_.size(); ++i) {
    if (old && !(object && before[i] == after[i])) {
      if (auto found = indexes_[i].find(before[i]); found != indexes_[i].end()) {
        found->second.Erase(IdOf(*old));
        if (found->second.size() == 0) indexes_[i].erase(found);
      }
    }
    if (object) indexes_[i][after[i]].Put(object);
  }
}

void CacheState::Apply(const keys::ObjectId& id, api::ObjectPtr object, Revision revision, MonoTime now) {
  api::ObjectPtr old = object ? objects_.Put(object) : objects_.Erase(id);
  applied_ = std::max(applied_, revision);
  if (!old && !object) return;
  const std::vector<std::string> before = FieldsOf(old);
  const std::vector<std::string> after = FieldsOf(object);
  Reindex(old, object, before, after);
  auto event = std::make_shared<const CacheEvent>(revision, std::move(object), std::move(old));
  watchers_.Publish(event, before, after);
  Remember(std::move(event), now);
}

void CacheState::Remember(CacheEventPtr event, MonoTime now) {
  const api::ObjectPtr& held = event->old() ? event->old() : event->object();
  const size_t bytes = held->bytes().size();
  recent_bytes_ += bytes;
  recent_.push_back({std::move(event), now, bytes});
  while (recent_.size() > options_.event_limit || (recent_.size() > 1 && recent_bytes_ > options_.event_bytes) ||
         (recent_.size() > kAlwaysKept && now - recent_.front().time > kFresh)) {
    forgotten_ = recent_.front().event->revision();
    recent_bytes_ -= recent_.front().bytes;
    ++forgotten_events_;
    forgotten_bytes_ += recent_.front().bytes;
    recent_.pop_front();
  }
  // What is forgotten here lives on while it waits for a watcher. One for which events wait for two generations does not
  // read; it would keep them for ever.
  if (forgotten_events_ < options_.event_limit && forgotten_bytes_ < options_.event_bytes) return;
  watchers_.ExpireBehind(last_generation_);
  last_generation_ = forgotten_;
  forgotten_events_ = forgotten_bytes_ = 0;
}

ObjectView CacheState::Filter(const ObjectView& view, const CacheQuery& query) const {
  SortedObjects found;
  for (const api::ObjectPtr& object : view) {
    if (watchers_.Matches(query, *object)) found.Put(object);
  }
  return found.Snapshot();
}

ObjectView CacheState::List(const CacheQuery& query) const {
  if (!query.field.empty()) {
    auto field = std::ranges::find(options_.indexed_fields, query.field);
    CHECK(field != options_.indexed_fields.end());
    const ValueIndex& index = indexes_[static_cast<size_t>(field - options_.indexed_fields.begin())];
    auto found = index.find(query.value);
    if (found == index.end()) return {};
    ObjectView view = found->second.Snapshot();
    if (!query.name.empty()) return Filter(view, query);
    return query.namespace_.empty() ? view : view.InNamespace(query.namespace_);
  }
  if (!query.name.empty()) {
    api::ObjectPtr object = objects_.Find({query.namespace_, query.name});
    if (object || !query.namespace_.empty()) return ViewOf(std::move(object));
    return Filter(objects_.Snapshot(), query);
  }
  ObjectView view = objects_.Snapshot();
  return query.namespace_.empty() ? view : view.InNamespace(query.namespace_);
}

void CacheState::Keep(Revision revision) {
  if (!kept_.empty() && kept_.back().first == revision) return;
  kept_.emplace_back(revision, objects_.Snapshot());
  if (kept_.size() > options_.kept_snapshots) kept_.pop_front();
}

std::optional<ObjectView> CacheState::Kept(Revision revision, const CacheQuery& query) const {
  for (const auto& [kept_revision, view] : kept_) {
    if (kept_revision != revision) continue;
    if (!query.name.empty() || !query.field.empty()) return Filter(view, query);
    return query.namespace_.empty() ? view : view.InNamespace(query.namespace_);
  }
  return std::nullopt;
}

Result<void> CacheState::Subscribe(const std::shared_ptr<WatcherQueue>& watcher) {
  const Revision from = watcher->from();
  if (from < forgotten_) return Fail(Error::Expired("too old resource version: {} ({})", from, forgotten_));
  auto first = std::partition_point(recent_.begin(), recent_.end(),
                                    [&](const Recent& recent) { return recent.event->revision() <= from; });
  for (auto recent = first; recent != recent_.end(); ++recent) {
    const CacheEvent& event = *recent->event;
    if ((event.object() && watchers_.Matches(watcher->query(), *event.object())) ||
        (event.old() && watchers_.Matches(watcher->query(), *event.old()))) {
      watcher->Push(recent->event, watchers_.limit());
    }
  }
  watchers_.Add(watcher);
  return {};
}

}  // namespace sampan::store::detail
