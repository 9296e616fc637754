#include "api/apply/managed_fields.h"

#include <array>

#include "api/apply/entries.h"
#include "api/apply/merge.h"
#include "api/schema.h"
#include "codec/utf8.h"

namespace sampan::api {
namespace {

constexpr size_t kMaxManagerLength = 128;
constexpr std::string_view kUpdate = "Update";
constexpr std::string_view kApply = "Apply";
constexpr std::string_view kBeforeFirstApply = "before-first-apply";
constexpr std::string_view kClientSideApply = "kubectl-client-side-apply";
constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

bool HasStatusSubresource(const KindInfo& kind) {
  return std::ranges::any_of(kind.subresources, [](const KindInfo::Subresource& sub) { return sub.name == "status"; });
}

// The top-level fields that a write through this door does not store.
std::vector<std::string_view> IgnoredFields(const KindInfo& kind, const FieldManager& manager) {
  if (manager.subresource == "status") return {"spec"};
  if (manager.subresource.empty() && HasStatusSubresource(kind)) return {"status"};
  return {};
}

Entry NewEntry(const KindInfo& kind, const FieldManager& manager, std::string_view operation) {
  return {.manager = manager.name,
          .operation = std::string(operation),
          .api_version = kind.ApiVersion(),
          .time = FormatTime(manager.now),
          .subresource = manager.subresource,
          .set = {}};
}

// `"kubectl" using apps/v1`, `"controller" with subresource "status" using apps/v1`
std::string Shown(const Entry& entry) {
  std::string text;
  json::AppendQuoted(entry.manager, text);
  if (!entry.subresource.empty()) {
    text += " with subresource ";
    json::AppendQuoted(entry.subresource, text);
  }
  if (entry.operation == kUpdate) text += fmt::format(" using {}", entry.api_version);
  return text;
}

struct FieldConflict {
  const Entry* entry;
  FieldSet fields;
};

// An answer shows so much of its conflicts, and counts the others.
constexpr size_t kMaxShownConflicts = 64 * 1024;

Error ConflictError(const std::vector<FieldConflict>& conflicts) {
  ErrorDetails details;
  std::map<std::string, std::vector<std::string>> by_manager;
  size_t count = 0;
  size_t shown = 0;
  for (const FieldConflict& conflict : conflicts) {
    count += CountPaths(conflict.fields);
    if (shown > kMaxShownConflicts) continue;
    std::string manager = Shown(*conflict.entry);
    ForEachPath(conflict.fields, [&](const std::string& path) {
      if (shown > kMaxShownConflicts) return;
      shown += path.size() + manager.size();
      details.causes.push_back({"FieldManagerConflict", "conflict with " + manager, path});
      by_manager[manager].push_back(path);
    });
  }
  std::string message;
  if (count == 1) {
    const auto& [manager, paths] = *by_manager.begin();
    message = fmt::format("Apply failed with 1 conflict: conflict with {}: {}", manager, paths[0]);
  } else {
    std::vector<std::string> lines;
    for (const auto& [manager, paths] : by_manager) {
      lines.push_back(fmt::format("conflicts with {}:", manager));
      for (const std::string& path : paths) lines.push_back("- " + path);
    }
    message = fmt::format("Apply failed with {} conflicts: {}", count, fmt::join(lines, "\n"));
  }
  return Error(Reason::kConflict, std::move(message)).WithDetails(std::move(details));
}

// A kubectl that turns from client-side to server-side apply takes over, without a conflict, what its own annotation says
// that it applied before.
FieldSet TakeoverFields(const KindInfo& kind, const json::Value& live) {
  const json::Value* annotation = json::Find(live, "metadata", "annotations", kLastApplied);
  if (annotation == nullptr) return {};
  auto applied = json::Parse(json::FindString(annotation));
  if (!applied || !applied->is_object()) return {};
  return FieldsOf(*kind.type, *applied);
}

std::vector<FieldConflict> FindConflicts(const Entries& entries, const Entry& own, const FieldSet& changed) {
  std::vector<FieldConflict> conflicts;
  for (const Entry& entry : entries.list) {
    if (entry.SameManager(own)) continue;
    FieldSet fields = IntersectionOf(entry.set, changed);
    if (!fields.Empty()) conflicts.push_back({&entry, std::move(fields)});
  }
  return conflicts;
}

bool WithinTakeover(const KindInfo& kind, const FieldManager& manager, const json::Value& live,
                    const std::vector<FieldConflict>& conflicts) {
  if (manager.name != "kubectl") return false;
  FieldSet allowed = TakeoverFields(kind, live);
  return std::ranges::all_of(conflicts, [&](const FieldConflict& conflict) {
    return conflict.entry->manager == kClientSideApply && allowed.Covers(conflict.fields);
  });
}

// Everything that any manager owns, with the containers on the way counted as owned.
FieldSet OwnedByAnyone(const Entries& entries) {
  std::vector<FieldSet> sets;
  sets.reserve(entries.list.size());
  for (const Entry& entry : entries.list) sets.push_back(entry.set);
  return UnionOfAll(std::move(sets));
}

}  // namespace

std::string ManagerFromUserAgent(std::string_view user_agent) {
  std::string_view name = user_agent.substr(0, user_agent.find('/'));
  if (name.empty()) return "unknown";
  std::string manager;
  while (!name.empty()) {
    std::string character;
    char32_t code = utf8::Take(name);
    if (!utf8::IsPrintable(code)) continue;
    utf8::Append(code, character);
    if (manager.size() + character.size() > kMaxManagerLength) break;
    manager += character;
  }
  return manager;
}

void ValidateFieldManager(std::string_view name, Causes& causes) {
  Path path("fieldManager");
  if (name.size() > kMaxManagerLength) return causes.TooLong(path, kMaxManagerLength);
  for (std::string_view rest = name; !rest.empty();) {
    const size_t position = name.size() - rest.size();
    const std::string_view before = rest;
    const char32_t code = utf8::Take(rest);
    const bool sound = utf8::IsValid(before.substr(0, before.size() - rest.size()));
    if (sound && utf8::IsPrintable(code)) continue;
    std::string shown;
    utf8::Append(code, shown);
    causes.Invalid(path, utf8::Repaired(name),
                   sound ? fmt::format("invalid character U+{:04X} (at position {})", uint32_t{code}, position)
                         : fmt::format("invalid character U+{:04X} '{}' (at position {})", uint32_t{code}, shown, position));
  }
}

void TrackCreate(const KindInfo& kind, const FieldManager& manager, json::Value& object) {
  json::Value* meta = object.is_object() ? object.get_object().if_contains("metadata") : nullptr;
  if (meta == nullptr || !meta->is_object() || kind.type == nullptr) return;
  boost::json::storage_ptr storage = meta->storage();
  meta->get_object().erase("managedFields");
  json::Value fields = FieldsV1Of(*kind.type, object, IgnoredFields(kind, manager), storage);
  if (fields.get_object().empty()) return;
  json::Object entry(storage);
  entry.reserve(7);
  entry.emplace("manager", manager.name);
  entry.emplace("operation", kUpdate);
  entry.emplace("apiVersion", kind.ApiVersion());
  entry.emplace("time", FormatTime(manager.now));
  entry.emplace("fieldsType", "FieldsV1");
  entry.emplace("fieldsV1", std::move(fields));
  if (!manager.subresource.empty()) entry.emplace("subresource", manager.subresource);
  json::Array list(storage);
  list.push_back(std::move(entry));
  meta->get_object().emplace("managedFields", std::move(list));
}

void TrackUpdate(const KindInfo& kind, const FieldManager& manager, const json::Value& before, json::Value& after) {
  if (kind.type == nullptr || !after.is_object() || !before.is_object()) return;
  if (Entries::WantsReset(after)) {
    json::Value* meta = after.get_object().if_contains("metadata");
    meta->get_object().erase("managedFields");
    return;
  }
  // What the client sends back is what it read; only a fitting list may be changed by hand, as kubectl does to migrate.
  auto sent = Entries::Read(after);
  auto stored = Entries::Read(before);
  Entries entries = sent && !sent->list.empty() ? std::move(*sent) : stored ? std::move(*stored) : Entries();
  FieldChanges changes = CompareFields(*kind.type, before, after);
  FieldSet changed = WithoutSystemFields(UnionOf(changes.added, changes.modified), {});
  FieldSet removed = WithoutSystemFields(std::move(changes.removed), {});
  if (!changed.Empty() || !removed.Empty()) {
    Entry own = NewEntry(kind, manager, kUpdate);
    Entry& entry = entries.FindOrAdd(own);
    FieldSet set = DifferenceOf(UnionOf(entry.set, changed), removed);
    if (!(set == entry.set)) {
      entry.set = std::move(set);
      entry.time = own.time;
    }
    for (Entry& other : entries.list) {
      if (!other.SameManager(own)) other.set = DifferenceOf(DifferenceOf(other.set, changed), removed);
    }
    entries.Tidy();
  }
  entries.Write(after);
}

Result<json::Value> Apply(const KindInfo& kind, const FieldManager& manager, ApplyForce force, const json::Value& live,
                          const json::Value& config) {
  if (Entries::Present(config)) return Fail(Error::BadRequest("metadata.managedFields must be nil"));
  if (!config.is_object() || kind.type == nullptr) return Fail(Error::BadRequest("an object is expected"));
  TRY(Entries entries, Entries::Read(live));
  std::vector<std::string_view> ignored = IgnoredFields(kind, manager);
  json::Value wanted = config;
  for (std::string_view field : ignored) wanted.get_object().erase(field);

  bool existed = live.is_object() && !live.get_object().empty();
  if (existed && entries.list.empty()) {
    Entry before{.manager = std::string(kBeforeFirstApply),
                 .operation = std::string(kUpdate),
                 .api_version = kind.ApiVersion(),
                 .time = FormatTime(manager.now),
                 .subresource = {},
                 .set = {}};
    before.set = WithoutSystemFields(FieldsOf(*kind.type, live), ignored);
    entries.list.push_back(std::move(before));
  }

  Entry own = NewEntry(kind, manager, kApply);
  own.set = WithoutSystemFields(FieldsOf(*kind.type, wanted), ignored);
  FieldSet last;
  std::string last_time;
  if (Entry* entry = entries.Find(own)) {
    last = entry->set;
    last_time = entry->time;
  }
  json::Value merged = existed ? live : json::Value(boost::json::object_kind);
  MergeConfig(*kind.type, merged, wanted);
  Entry& entry = entries.FindOrAdd(own);
  entry.set = own.set;
  entry.api_version = own.api_version;
  PruneFields(*kind.type, merged, last, OwnedByAnyone(entries));

  FieldChanges changes = CompareFields(*kind.type, existed ? live : json::Value(boost::json::object_kind), merged);
  FieldSet changed = UnionOf(changes.added, changes.modified);
  std::vector<FieldConflict> conflicts = FindConflicts(entries, own, changed);
  if (!conflicts.empty() && force == ApplyForce::kNo && !WithinTakeover(kind, manager, live, conflicts)) {
    return Fail(ConflictError(conflicts));
  }
  for (Entry& other : entries.list) {
    if (!other.SameManager(own)) other.set = DifferenceOf(DifferenceOf(other.set, changed), changes.removed);
  }
  bool same = last == own.set && !last_time.empty() && changed.Empty() && changes.removed.Empty();
  entry.time = same ? last_time : own.time;
  entries.Tidy();
  entries.Write(merged);
  return merged;
}

}  // namespace sampan::api
