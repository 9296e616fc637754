#include "api/apply/entries.h"

namespace sampan::api {
namespace {

constexpr size_t kMaxUpdaters = 10;
constexpr std::string_view kAncient = "ancient-changes";

const json::Value* ListOf(const json::Value& object) {
  return json::Find(object, "metadata", "managedFields");
}

std::string Text(const json::Value& entry, std::string_view field) {
  return std::string(json::FindString(json::Find(entry, field)));
}

Result<Entry> ReadEntry(const json::Value& value) {
  Entry entry{.manager = Text(value, "manager"),
              .operation = Text(value, "operation"),
              .api_version = Text(value, "apiVersion"),
              .time = Text(value, "time"),
              .subresource = Text(value, "subresource"),
              .set = {}};
  if (entry.operation != "Apply" && entry.operation != "Update") {
    return Fail(Error::BadRequest("metadata.managedFields: invalid operation \"{}\"", entry.operation));
  }
  const json::Value* fields = json::Find(value, "fieldsV1");
  if (fields == nullptr) return entry;
  TRY(entry.set, FieldSet::FromFieldsV1(*fields));
  return entry;
}

// Folds the oldest of too many updaters into one entry a version.
void Cap(std::vector<Entry>& list) {
  std::vector<size_t> updaters;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].operation == "Update" && list[i].subresource.empty()) updaters.push_back(i);
  }
  if (updaters.size() <= kMaxUpdaters) return;
  std::ranges::sort(updaters, [&](size_t a, size_t b) {
    return std::tie(list[a].time, list[a].manager) < std::tie(list[b].time, list[b].manager);
  });
  size_t excess = updaters.size() - kMaxUpdaters;
  struct Bucket {
    Entry entry;
    std::vector<FieldSet> sets;
  };
  std::vector<Bucket> buckets;
  std::unordered_map<std::string, size_t> by_version;
  for (size_t k = 0; k < updaters.size() && excess > 0; ++k) {
    Entry& entry = list[updaters[k]];
    auto [place, fresh] = by_version.emplace(entry.api_version, buckets.size());
    if (fresh) {
      buckets.push_back({std::move(entry), {}});  // one more is to go for the bucket that comes
      buckets.back().entry.manager = kAncient;
    } else {
      Bucket& bucket = buckets[place->second];
      bucket.sets.push_back(std::move(entry.set));
      bucket.entry.time = std::max(bucket.entry.time, entry.time);
      --excess;
    }
    entry = Entry();
  }
  std::erase_if(list, [](const Entry& entry) { return entry.operation.empty(); });
  for (Bucket& bucket : buckets) {
    bucket.sets.push_back(std::move(bucket.entry.set));
    bucket.entry.set = UnionOfAll(std::move(bucket.sets));
    list.push_back(std::move(bucket.entry));
  }
}

}  // namespace

bool Entry::SameManager(const Entry& other) const {
  return manager == other.manager && operation == other.operation && subresource == other.subresource &&
         (operation == "Apply" || api_version == other.api_version);
}

Result<Entries> Entries::Read(const json::Value& object) {
  Entries entries;
  const json::Value* list = ListOf(object);
  if (list == nullptr || !list->is_array()) return entries;
  entries.list.reserve(list->get_array().size() + 1);
  for (const json::Value& value : list->get_array()) {
    TRY(Entry entry, ReadEntry(value));
    entries.list.push_back(std::move(entry));
  }
  return entries;
}

bool Entries::Present(const json::Value& object) {
  const json::Value* list = ListOf(object);
  return list != nullptr && list->is_array() && !list->get_array().empty();
}

bool Entries::WantsReset(const json::Value& object) {
  const json::Value* value = ListOf(object);
  if (value == nullptr || !value->is_array()) return false;
  const json::Array& list = value->get_array();
  return list.empty() || (list.size() == 1 && list[0].is_object() && list[0].get_object().empty());
}

Entry* Entries::Find(const Entry& like) {
  auto it = std::ranges::find_if(list, [&](const Entry& entry) { return entry.SameManager(like); });
  return it == list.end() ? nullptr : &*it;
}

Entry& Entries::FindOrAdd(const Entry& like) {
  if (Entry* entry = Find(like)) return *entry;
  list.push_back(like);
  list.back().set = {};
  return list.back();
}

void Entries::Tidy() {
  std::erase_if(list, [](const Entry& entry) { return entry.set.Empty(); });
  Cap(list);
  std::ranges::sort(list, [](const Entry& a, const Entry& b) {
    return std::tie(a.operation, a.time, a.manager, a.api_version, a.subresource) <
           std::tie(b.operation, b.time, b.manager, b.api_version, b.subresource);
  });
}

void Entries::Write(json::Value& object) const {
  json::Value& meta = object.get_object()["metadata"];
  if (!meta.is_object()) meta.emplace_object();
  meta.get_object().erase("managedFields");
  if (list.empty()) return;
  boost::json::storage_ptr storage = meta.storage();
  json::Array values(storage);
  values.reserve(list.size());
  for (const Entry& entry : list) {
    json::Object value(storage);
    value.emplace("manager", entry.manager);
    value.emplace("operation", entry.operation);
    value.emplace("apiVersion", entry.api_version);
    if (!entry.time.empty()) value.emplace("time", entry.time);
    value.emplace("fieldsType", "FieldsV1");
    value.emplace("fieldsV1", entry.set.ToFieldsV1(storage));
    if (!entry.subresource.empty()) value.emplace("subresource", entry.subresource);
    values.push_back(std::move(value));
  }
  meta.get_object().emplace("managedFields", std::move(values));
}

}  // namespace sampan::api
