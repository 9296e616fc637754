#include "api/merge/strategic.h"

#include "api/schema.h"
#include "codec/patch.h"

namespace sampan::api {
namespace {

constexpr std::string_view kDirective = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kDeleteFrom = "$deleteFromPrimitiveList/";
constexpr std::string_view kSetOrder = "$setElementOrder/";

// A list's order keys look like {"name":"web"} or like the primitive itself.
using Positions = std::unordered_map<std::string, size_t>;

bool IsDirective(std::string_view key) {
  return key == kDirective || key == kRetainKeys || key.starts_with(kDeleteFrom) || key.starts_with(kSetOrder);
}

// What identifies an element: itself for a primitive, the merge key's value for an object. Nothing when the key is absent.
std::optional<std::string> Identity(const json::Value& element, std::string_view merge_key) {
  if (merge_key.empty()) return json::Serialize(element);
  const json::Value* key = json::Find(element, merge_key);
  if (key == nullptr || key->is_null()) return std::nullopt;
  return json::Serialize(*key);
}

Error NoMergeKey(const json::Value& element, std::string_view merge_key) {
  return Error::Invalid("map: {} does not contain declared merge key: {}", json::Serialize(element), merge_key);
}

Positions PositionsOf(const json::Array& list, std::string_view merge_key) {
  Positions positions;
  positions.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    if (auto id = Identity(list[i], merge_key)) positions.emplace(std::move(*id), i);
  }
  return positions;
}

// Puts `merged` into order: elements that `wanted` names follow it; the others keep their order of `before`, and stand in
// front of a named one only when they already did.
json::Array Ordered(json::Array merged, const json::Array& wanted, const Positions& before, std::string_view merge_key) {
  struct Item {
    size_t rank;
    size_t before;  // npos when new
    size_t index;
    bool operator<(const Item& other) const { return std::tie(rank, index) < std::tie(other.rank, other.index); }
  };
  Positions wanted_at = PositionsOf(wanted, merge_key);
  std::vector<Item> named;
  std::vector<Item> others;
  for (size_t i = 0; i < merged.size(); ++i) {
    std::string id = Identity(merged[i], merge_key).value_or("");
    auto old = before.find(id);
    size_t old_index = old == before.end() ? std::string::npos : old->second;
    auto it = wanted_at.find(id);
    if (it != wanted_at.end()) {
      named.push_back({it->second, old_index, i});
    } else {
      others.push_back({std::min(old_index, before.size() + i), old_index, i});
    }
  }
  std::ranges::sort(named, std::less<Item>());
  std::ranges::sort(others, std::less<Item>());
  json::Array result(merged.storage());
  result.reserve(merged.size());
  auto other = others.begin();
  for (Item& item : named) {
    while (other != others.end() && other->before != std::string::npos && item.before != std::string::npos &&
           other->before < item.before) {
      result.push_back(std::move(merged[(other++)->index]));
    }
    result.push_back(std::move(merged[item.index]));
  }
  for (; other != others.end(); ++other) result.push_back(std::move(merged[other->index]));
  return result;
}

const Type* MemberType(const Type* type, const Field* field) {
  if (field != nullptr) return field->type;
  return type == nullptr ? nullptr : type->element;
}

class Merger {
 public:
  Result<void> Object(const Type* type, json::Value& document, const json::Object& patch);

 private:
  // The list fields of one object that directives speak of.
  struct ListPatch {
    const json::Value* items = nullptr;
    const json::Value* removed = nullptr;
    const json::Value* order = nullptr;
  };

  Result<bool> ObjectDirective(json::Value& document, const json::Object& patch);
  Result<void> Retain(json::Object& document, const json::Object& patch);
  Result<void> Member(const Type* type, json::Object& document, std::string_view key, const json::Value& patch);
  Result<void> MergeList(const Field* field, json::Value& list, const ListPatch& patch);
  Result<json::Array> Elements(const Field& field, json::Array list, const json::Array& patch);
  Result<void> Fresh(const Type* type, const json::Value& patch, json::Value& out);
};

// True when the directive settles the object and nothing is left to merge.
Result<bool> Merger::ObjectDirective(json::Value& document, const json::Object& patch) {
  const json::Value* directive = patch.if_contains(kDirective);
  if (directive == nullptr) return false;
  std::string_view name = directive->is_string() ? std::string_view(directive->get_string()) : std::string_view();
  if (name == "merge") return false;
  if (name == "delete") {
    document.emplace_object();
    return true;
  }
  if (name != "replace") return Fail(Error::BadRequest("unknown patch type found: {}", json::Serialize(patch)));
  json::Object copy(document.storage());
  for (const auto& member : patch) {
    if (member.key() != kDirective) copy.emplace(member.key(), member.value());
  }
  document = std::move(copy);
  return true;
}

Result<void> Merger::Retain(json::Object& document, const json::Object& patch) {
  const json::Value* retain = patch.if_contains(kRetainKeys);
  if (retain == nullptr) return {};
  constexpr std::string_view kBad = "invalid patch format of retainKeys";
  if (!retain->is_array()) return Fail(Error::BadRequest(kBad));
  std::unordered_set<std::string_view> kept;
  for (const json::Value& key : retain->get_array()) {
    if (!key.is_string()) return Fail(Error::BadRequest(kBad));
    kept.insert(key.get_string());
  }
  for (const auto& member : patch) {
    if (IsDirective(member.key()) || member.value().is_null()) continue;
    if (!kept.contains(member.key())) return Fail(Error::BadRequest(kBad));
  }
  std::vector<std::string_view> removed;
  for (const auto& member : document) {
    if (!kept.contains(member.key())) removed.push_back(member.key());
  }
  json::EraseMembers(document, removed);
  return {};
}

Result<void> Merger::Object(const Type* type, json::Value& document, const json::Object& patch) {
  if (!document.is_object()) document.emplace_object();
  TRY(bool settled, ObjectDirective(document, patch));
  if (settled) return {};
  json::Object& object = document.get_object();
  TRY_VOID(Retain(object, patch));

  std::vector<std::string_view> removed;
  std::map<std::string_view, ListPatch> lists;
  for (const auto& member : patch) {
    std::string_view key = member.key();
    if (key == kDirective || key == kRetainKeys) continue;
    if (key.starts_with(kDeleteFrom)) {
      lists[key.substr(kDeleteFrom.size())].removed = &member.value();
    } else if (key.starts_with(kSetOrder)) {
      lists[key.substr(kSetOrder.size())].order = &member.value();
    } else if (member.value().is_null()) {
      removed.push_back(key);
    } else if (member.value().is_array()) {
      lists[key].items = &member.value();
    } else {
      TRY_VOID(Member(type, object, key, member.value()));
    }
  }
  for (const auto& [key, list] : lists) {
    const Field* field = type == nullptr ? nullptr : type->Find(key);
    if (list.items == nullptr && !object.contains(key)) continue;
    TRY_VOID(MergeList(field, object[key], list));
  }
  json::EraseMembers(object, removed);
  return {};
}

Result<void> Merger::Member(const Type* type, json::Object& document, std::string_view key, const json::Value& patch) {
  const Field* field = type == nullptr ? nullptr : type->Find(key);
  json::Value& member = document[key];
  if (patch.is_object()) return Object(MemberType(type, field), member, patch.get_object());
  member = patch;
  return {};
}

Result<void> Merger::MergeList(const Field* field, json::Value& list, const ListPatch& patch) {
  const json::Array none;
  for (const json::Value* part : {patch.removed, patch.order}) {
    if (part != nullptr && !part->is_array()) {
      return Fail(
          Error::BadRequest("invalid patch format of {}", part == patch.order ? "setElementOrder list" : "primitive list"));
    }
  }
  if (field == nullptr || !field->patch_merge) {
    if (patch.items != nullptr) list = *patch.items;
    return {};
  }
  if (!list.is_array()) list.emplace_array();
  std::string_view merge_key = field->patch_merge_key;
  Positions before = PositionsOf(list.get_array(), merge_key);
  json::Array merged = std::move(list.get_array());
  if (patch.removed != nullptr) {
    Positions doomed = PositionsOf(patch.removed->get_array(), {});
    json::Array kept(list.storage());
    for (json::Value& element : merged) {
      if (!doomed.contains(json::Serialize(element))) kept.push_back(std::move(element));
    }
    merged = std::move(kept);
  }
  const json::Array& items = patch.items == nullptr ? none : patch.items->get_array();
  TRY(merged, Elements(*field, std::move(merged), items));
  const json::Array& order = patch.order == nullptr ? items : patch.order->get_array();
  list = Ordered(std::move(merged), order, before, merge_key);
  return {};
}

// What an element of a patched list asks for: "", "delete" or "replace".
Result<std::string_view> ElementDirective(const json::Value& item, std::string_view merge_key) {
  if (!item.is_object()) return Fail(NoMergeKey(item, merge_key));
  const json::Value* directive = item.get_object().if_contains(kDirective);
  if (directive == nullptr) return std::string_view();
  std::string_view name = json::FindString(directive);
  if (name == "merge") return Fail(Error::BadRequest("merging lists cannot yet be specified in the patch"));
  if (name != "delete" && name != "replace") {
    return Fail(Error::BadRequest("unknown patch type found: {}", json::Serialize(item)));
  }
  return name;
}

// Carries out the directives among the patch's elements: `replace` empties the list, `delete` removes by key.
Result<json::Array> RemoveElements(json::Array list, const json::Array& patch, std::string_view merge_key) {
  Positions doomed;
  bool replace = false;
  for (const json::Value& item : patch) {
    TRY(std::string_view name, ElementDirective(item, merge_key));
    replace |= name == "replace";
    if (name != "delete") continue;
    auto id = Identity(item, merge_key);
    if (!id) return Fail(NoMergeKey(item, merge_key));
    doomed.emplace(std::move(*id), 0);
  }
  json::Array kept(list.storage());
  if (replace) return kept;
  if (doomed.empty()) return list;
  for (json::Value& element : list) {
    auto id = Identity(element, merge_key);
    if (!id || !doomed.contains(*id)) kept.push_back(std::move(element));
  }
  return kept;
}

// Merges the patch's elements into the list, new ones at its end.
Result<json::Array> Merger::Elements(const Field& field, json::Array list, const json::Array& patch) {
  std::string_view merge_key = field.patch_merge_key;
  if (!merge_key.empty()) {
    TRY(list, RemoveElements(std::move(list), patch, merge_key));
  }
  Positions positions = PositionsOf(list, merge_key);
  for (const json::Value& item : patch) {
    if (!merge_key.empty() && item.get_object().contains(kDirective)) continue;
    auto id = Identity(item, merge_key);
    if (!id) return Fail(NoMergeKey(item, merge_key));
    auto [found, added] = positions.emplace(std::move(*id), list.size());
    if (added) {
      json::Value fresh(list.storage());
      TRY_VOID(Fresh(field.type->element, item, fresh));
      list.push_back(std::move(fresh));
    } else if (item.is_object()) {
      TRY_VOID(Object(field.type->element, list[found->second], item.get_object()));
    }
  }
  return list;
}

// A value that the document did not have: the patch's own, without directives and nulls.
Result<void> Merger::Fresh(const Type* type, const json::Value& patch, json::Value& out) {
  if (patch.is_object()) return Object(type, out, patch.get_object());
  out = patch;
  return {};
}

}  // namespace

Result<void> ApplyStrategicMergePatch(const Type& type, json::Value& document, const json::Value& patch) {
  if (!patch.is_object()) return Fail(Error::BadRequest("error decoding patch: a strategic merge patch is an object"));
  return Merger().Object(&type, document, patch.get_object());
}

}  // namespace sampan::api
