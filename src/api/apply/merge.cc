#include "api/apply/merge.h"

#include "api/apply/elements.h"
#include "codec/patch.h"

namespace sampan::api {
namespace {

void MergeLists(const Type& type, json::Array& live, const json::Array& config) {
  std::unordered_map<std::string, size_t> at;  // where live has an element
  for (size_t i = 0; i < live.size(); ++i) at.emplace(ElementKey(type, live[i]), i);
  std::vector<bool> taken(live.size(), false);
  std::vector<std::pair<const json::Value*, size_t>> wanted;  // with live's index, or npos
  for (const json::Value& element : config) {
    auto it = at.find(ElementKey(type, element));
    bool known = it != at.end() && !taken[it->second];
    wanted.emplace_back(&element, known ? it->second : std::string::npos);
    if (known) taken[it->second] = true;
  }
  json::Array merged(live.storage());
  merged.reserve(live.size() + config.size());
  size_t next = 0;  // live's elements before this one are placed
  auto place_untaken = [&](size_t end) {
    for (; next < end; ++next) {
      if (!taken[next]) merged.push_back(std::move(live[next]));
    }
  };
  for (const auto& [element, index] : wanted) {
    if (index == std::string::npos) {
      merged.push_back(*element);
      continue;
    }
    place_untaken(index);
    json::Value base = std::move(live[index]);
    MergeConfig(*type.element, base, *element);
    merged.push_back(std::move(base));
  }
  place_untaken(live.size());
  live = std::move(merged);
}

void PruneList(const Type& type, json::Array& list, const FieldSet& dropped, const FieldSet& managed) {
  static const FieldSet kNobody;
  json::Array kept(list.storage());
  for (json::Value& element : list) {
    std::string key = ElementKey(type, element);
    const FieldSet* gone = dropped.Find(key);
    const FieldSet* owned = managed.Find(key);
    if (gone != nullptr && gone->member && (owned == nullptr || owned->Empty())) continue;
    if (gone != nullptr) PruneFields(*type.element, element, *gone, owned == nullptr ? kNobody : *owned);
    kept.push_back(std::move(element));
  }
  list = std::move(kept);
}

}  // namespace

void MergeConfig(const Type& type, json::Value& live, const json::Value& config) {
  if (IsLeaf(type, config) || IsLeaf(type, live)) {
    live = config;
  } else if (type.kind == TypeKind::kList) {
    MergeLists(type, live.get_array(), config.get_array());
  } else {
    json::Object& object = live.get_object();
    for (const auto& member : config.get_object()) {
      const Type* below = MemberType(type, member.key());
      json::Value& value = object[member.key()];
      if (below == nullptr || value.is_null()) {
        value = member.value();
      } else {
        MergeConfig(*below, value, member.value());
      }
    }
  }
}

void PruneFields(const Type& type, json::Value& object, const FieldSet& dropped, const FieldSet& managed) {
  static const FieldSet kNobody;
  if (IsLeaf(type, object)) return;
  if (type.kind == TypeKind::kList) return PruneList(type, object.get_array(), dropped, managed);
  std::vector<std::string_view> removed;
  for (auto& member : object.get_object()) {
    std::string key = fmt::format("f:{}", std::string_view(member.key()));
    const FieldSet* gone = dropped.Find(key);
    if (gone == nullptr) continue;
    const FieldSet* owned = managed.Find(key);
    const Type* below = MemberType(type, member.key());
    bool free = owned == nullptr || owned->Empty();
    if (gone->member && free) {
      removed.push_back(member.key());
    } else if (below != nullptr) {
      PruneFields(*below, member.value(), *gone, owned == nullptr ? kNobody : *owned);
      bool empty = (member.value().is_object() && member.value().get_object().empty()) ||
                   (member.value().is_array() && member.value().get_array().empty());
      if (empty && free) removed.push_back(member.key());
    }
  }
  json::EraseMembers(object.get_object(), removed);
}

}  // namespace sampan::api
