// From objects to the sets of fields they own.
#include "api/apply/elements.h"
#include "api/apply/field_set.h"

namespace sampan::api {
namespace {

// Metadata that the system writes; nobody owns it.
constexpr std::string_view kSystemMeta[] = {"creationTimestamp", "generation",      "managedFields", "name",
                                            "namespace",         "resourceVersion", "selfLink",      "uid"};

bool IsSystemMeta(std::string_view name) {
  return std::ranges::binary_search(kSystemMeta, name);
}

// Parts of an object that exist before anyone writes into them, so that writing into them does not make them owned.
bool AlwaysThere(std::string_view name) {
  static constexpr std::string_view kParts[] = {"containers",   "daemonEndpoints", "deprecatedSource", "kubeletEndpoint",
                                                "loadBalancer", "metadata",        "nodeInfo",         "source",
                                                "spec",         "status",          "strategy",         "template"};
  return std::ranges::binary_search(kParts, name);
}

bool IsEmptyPart(const json::Value& value) {
  return value.is_null() || (value.is_object() && value.get_object().empty()) ||
         (value.is_array() && value.get_array().empty());
}

std::string FieldKey(std::string_view name) {
  std::string key = "f:";
  key += name;
  return key;
}

// What server-side apply takes as named by `value`: leaves, elements of lists, members of maps, empty objects.
void Named(const Type& type, const json::Value& value, FieldSet& set) {
  if (IsLeaf(type, value)) {
    set.member = true;
  } else if (type.kind == TypeKind::kList) {
    for (const json::Value& element : value.get_array()) {
      FieldSet& child = set.Append(ElementKey(type, element));
      child.member = true;
      Named(*type.element, element, child);
    }
    set.Settle();
  } else {
    for (const auto& member : value.get_object()) {
      const Type* below = MemberType(type, member.key());
      FieldSet& child = set.Append(FieldKey(member.key()));
      bool declared = type.kind == TypeKind::kObject && type.Find(member.key()) != nullptr;
      if (below == nullptr || !declared || IsEmptyPart(member.value())) child.member = true;
      if (below != nullptr) Named(*below, member.value(), child);
    }
    std::erase_if(set.children, [](const FieldSet::Child& child) { return child.set.Empty(); });
    set.Settle();
  }
}

enum class Part : unsigned char { kOwned, kAlwaysThere };

// Every path of a value that is new (or gone).
void All(const Type* type, const json::Value& value, Part part, FieldSet& set) {
  bool leaf = type == nullptr || IsLeaf(*type, value) || IsEmptyPart(value);
  if (leaf || part == Part::kOwned) set.member = true;
  if (leaf) return;
  if (type->kind == TypeKind::kList) {
    for (const json::Value& element : value.get_array()) {
      All(type->element, element, Part::kOwned, set.Append(ElementKey(*type, element)));
    }
    return set.Settle();
  }
  for (const auto& member : value.get_object()) {
    Part below = part == Part::kAlwaysThere && type->IsObject() && AlwaysThere(member.key()) ? part : Part::kOwned;
    All(MemberType(*type, member.key()), member.value(), below, set.Append(FieldKey(member.key())));
  }
  set.Settle();
}

// The same as All, written straight as FieldsV1. `key` is scratch space.
json::Value AllV1(const Type* type, const json::Value& value, Part part, std::string& key,
                  const boost::json::storage_ptr& storage) {
  json::Value out(boost::json::object_kind, storage);
  if (type == nullptr || IsLeaf(*type, value) || IsEmptyPart(value)) return out;
  json::Object& object = out.get_object();
  bool list = type->kind == TypeKind::kList;
  object.reserve((list ? value.get_array().size() : value.get_object().size()) + 1);
  if (part == Part::kOwned) object.emplace(".", json::Value(boost::json::object_kind, storage));
  if (list) {
    for (const json::Value& element : value.get_array()) {
      key.clear();
      AppendElementKey(*type, element, key);
      json::Value& slot = object[key];
      slot = AllV1(type->element, element, Part::kOwned, key, storage);
    }
    return out;
  }
  for (const auto& member : value.get_object()) {
    key.assign("f:");
    key += std::string_view(member.key());
    json::Value& slot = object[key];
    Part below = part == Part::kAlwaysThere && type->IsObject() && AlwaysThere(member.key()) ? part : Part::kOwned;
    slot = AllV1(MemberType(*type, member.key()), member.value(), below, key, storage);
  }
  return out;
}

void Compare(const Type* type, const json::Value& before, const json::Value& after, FieldChanges& changes);

// Compares one part that both sides have and files its changes under prefix + name.
void Descend(const Type* type, const json::Value& before, const json::Value& after,
             std::pair<std::string_view, std::string_view> key, FieldChanges& changes) {
  FieldChanges below;
  Compare(type, before, after, below);
  auto file = [&](FieldSet& from, FieldSet& to) {
    if (!from.Empty()) to.Append(fmt::format("{}{}", key.first, key.second)) = std::move(from);
  };
  file(below.added, changes.added);
  file(below.modified, changes.modified);
  file(below.removed, changes.removed);
}

void Settle(FieldChanges& changes) {
  for (FieldSet* set : {&changes.added, &changes.modified, &changes.removed}) set->Settle();
}

void CompareLists(const Type& type, const json::Array& before, const json::Array& after, FieldChanges& changes) {
  std::map<std::string, const json::Value*> old;
  for (const json::Value& element : before) old.emplace(ElementKey(type, element), &element);
  for (const json::Value& element : after) {
    std::string key = ElementKey(type, element);
    auto it = old.find(key);
    if (it == old.end()) {
      All(type.element, element, Part::kOwned, changes.added.Append(key));
    } else if (it->second != nullptr) {
      Descend(type.element, *it->second, element, {"", key}, changes);
      it->second = nullptr;
    }
  }
  for (const auto& [key, element] : old) {
    if (element != nullptr) All(type.element, *element, Part::kOwned, changes.removed.Append(key));
  }
  Settle(changes);
}

void CompareObjects(const Type& type, const json::Object& before, const json::Object& after, FieldChanges& changes) {
  auto part = [&](std::string_view key) { return type.IsObject() && AlwaysThere(key) ? Part::kAlwaysThere : Part::kOwned; };
  for (const auto& member : after) {
    const json::Value* old = before.if_contains(member.key());
    const Type* below = MemberType(type, member.key());
    if (old == nullptr) {
      All(below, member.value(), part(member.key()), changes.added.Append(FieldKey(member.key())));
    } else {
      Descend(below, *old, member.value(), {"f:", member.key()}, changes);
    }
  }
  for (const auto& member : before) {
    if (after.contains(member.key())) continue;
    All(MemberType(type, member.key()), member.value(), Part::kOwned, changes.removed.Append(FieldKey(member.key())));
  }
  Settle(changes);
}

void Compare(const Type* type, const json::Value& before, const json::Value& after, FieldChanges& changes) {
  bool leaf = type == nullptr || IsLeaf(*type, before) || IsLeaf(*type, after);
  if (leaf) {
    if (!json::Equal(before, after)) changes.modified.member = true;
  } else if (type->kind == TypeKind::kList) {
    CompareLists(*type, before.get_array(), after.get_array(), changes);
  } else {
    CompareObjects(*type, before.get_object(), after.get_object(), changes);
  }
}

}  // namespace

FieldSet FieldsOf(const Type& type, const json::Value& object) {
  FieldSet set;
  Named(type, object, set);
  return set;
}

json::Value FieldsV1Of(const Type& type, const json::Value& object, std::vector<std::string_view> ignored,
                       boost::json::storage_ptr storage) {
  json::Value out(boost::json::object_kind, storage);
  if (!object.is_object()) return out;
  std::string key;
  for (const auto& member : object.get_object()) {
    std::string_view name = member.key();
    if (name == "apiVersion" || name == "kind" || std::ranges::find(ignored, name) != ignored.end()) continue;
    const Type* below = MemberType(type, name);
    if (name != "metadata" || below == nullptr || !member.value().is_object()) {
      key.assign("f:");
      key += name;
      json::Value& slot = out.get_object()[key];
      slot = AllV1(below, member.value(), AlwaysThere(name) ? Part::kAlwaysThere : Part::kOwned, key, storage);
      continue;
    }
    json::Value meta(boost::json::object_kind, storage);
    for (const auto& part : member.value().get_object()) {
      if (IsSystemMeta(part.key())) continue;
      key.assign("f:");
      key += std::string_view(part.key());
      json::Value& slot = meta.get_object()[key];
      slot = AllV1(MemberType(*below, part.key()), part.value(), Part::kOwned, key, storage);
    }
    if (!meta.get_object().empty()) out.get_object().emplace("f:metadata", std::move(meta));
  }
  return out;
}

FieldChanges CompareFields(const Type& type, const json::Value& before, const json::Value& after) {
  FieldChanges changes;
  Compare(&type, before, after, changes);
  return changes;
}

FieldSet WithoutSystemFields(FieldSet set, std::span<const std::string_view> ignored) {
  std::erase_if(set.children, [&](const FieldSet::Child& child) {
    std::string_view name = std::string_view(child.key).substr(2);
    return name == "apiVersion" || name == "kind" || std::ranges::find(ignored, name) != ignored.end();
  });
  for (FieldSet::Child& child : set.children) {
    if (child.key != "f:metadata") continue;
    child.set.member = false;
    std::erase_if(child.set.children,
                  [](const FieldSet::Child& part) { return IsSystemMeta(std::string_view(part.key).substr(2)); });
  }
  std::erase_if(set.children, [](const FieldSet::Child& child) { return child.set.Empty(); });
  return set;
}

}  // namespace sampan::api
