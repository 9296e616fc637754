#include "client/object_cache.h"

#include <shared_mutex>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "base/contain.h"
#include "base/log.h"

namespace sampan::client {
namespace {

using NameView = std::pair<std::string_view, std::string_view>;

NameView NameOf(const ObjectPtr& object) {
  return {object->namespace_(), object->name()};
}

struct NameHash {
  using is_transparent = void;
  size_t operator()(const NameView& name) const {
    size_t seed = std::hash<std::string_view>()(name.first);
    return std::hash<std::string_view>()(name.second) ^ (seed + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2));
  }
  size_t operator()(const ObjectPtr& object) const { return (*this)(NameOf(object)); }
};

struct NameEqual {
  using is_transparent = void;
  bool operator()(const ObjectPtr& a, const ObjectPtr& b) const { return NameOf(a) == NameOf(b); }
  bool operator()(const NameView& a, const ObjectPtr& b) const { return a == NameOf(b); }
  bool operator()(const ObjectPtr& a, const NameView& b) const { return NameOf(a) == b; }
};

// The names live in the objects themselves, so an entry costs one pointer.
using ObjectSet = boost::unordered_flat_set<ObjectPtr, NameHash, NameEqual>;

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

struct Index {
  std::string name;
  ObjectCache::IndexKeys keys;
  boost::unordered_flat_map<std::string, ObjectSet, StringHash, std::equal_to<>> buckets;

  // Nothing when its keys cannot be told: such an object is not in the index, and it is named once.
  std::optional<std::vector<std::string>> KeysOf(const api::Object& object) const {
    std::vector<std::string> found;
    if (Contain("index", [&] { keys(object, found); })) return found;
    LOG_ERROR("cache", "{} {}/{} has no place in the index {}", object.head().kind, object.namespace_(), object.name(),
              name);
    return std::nullopt;
  }
  void Insert(const ObjectPtr& object) {
    std::optional<std::vector<std::string>> found = KeysOf(*object);
    if (!found) return;
    for (std::string& key : *found) buckets[std::move(key)].insert(object);
  }
  void Erase(const ObjectPtr& object) {
    std::optional<std::vector<std::string>> found = KeysOf(*object);
    if (!found) return EraseEverywhere(object);
    for (const std::string& key : *found) {
      auto bucket = buckets.find(key);
      if (bucket == buckets.end()) continue;
      bucket->second.erase(object);
      if (bucket->second.empty()) buckets.erase(bucket);
    }
  }
  // Its keys could be told when it came, perhaps.
  void EraseEverywhere(const ObjectPtr& object) {
    boost::unordered::erase_if(buckets, [&object](auto& bucket) {
      bucket.second.erase(object);
      return bucket.second.empty();
    });
  }
};

constexpr std::string_view kNamespaceIndex = "namespace";

std::vector<ObjectPtr> Copy(const ObjectSet& set) {
  return {set.begin(), set.end()};
}

}  // namespace

std::string KeyOf(std::string_view namespace_, std::string_view name) {
  if (namespace_.empty()) return std::string(name);
  return fmt::format("{}/{}", namespace_, name);
}

std::string KeyOf(const api::Object& object) {
  return KeyOf(object.namespace_(), object.name());
}

ObjectKey SplitKey(std::string_view key) {
  size_t slash = key.find('/');
  if (slash == std::string_view::npos) return {"", std::string(key)};
  return {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

struct ObjectCache::State {
  mutable std::shared_mutex mutex;
  ObjectSet objects;
  std::vector<Index> indexes;

  Index* FindIndex(std::string_view name) {
    for (Index& index : indexes) {
      if (index.name == name) return &index;
    }
    return nullptr;
  }
  void Insert(const ObjectPtr& object) {
    objects.insert(object);
    for (Index& index : indexes) index.Insert(object);
  }
  // Removes what has the object's name and returns it.
  ObjectPtr Erase(NameView name) {
    auto found = objects.find(name);
    if (found == objects.end()) return nullptr;
    ObjectPtr object = *found;
    for (Index& index : indexes) index.Erase(object);
    objects.erase(found);
    return object;
  }
};

ObjectCache::ObjectCache() : state_(std::make_unique<State>()) {}
ObjectCache::~ObjectCache() = default;

ObjectPtr ObjectCache::Get(std::string_view namespace_, std::string_view name) const {
  std::shared_lock lock(state_->mutex);
  auto found = state_->objects.find(NameView(namespace_, name));
  return found == state_->objects.end() ? nullptr : *found;
}

ObjectPtr ObjectCache::GetByKey(std::string_view key) const {
  size_t slash = key.find('/');
  if (slash == std::string_view::npos) return Get("", key);
  return Get(key.substr(0, slash), key.substr(slash + 1));
}

std::vector<ObjectPtr> ObjectCache::List() const {
  std::shared_lock lock(state_->mutex);
  return Copy(state_->objects);
}

std::vector<ObjectPtr> ObjectCache::ListNamespace(std::string_view namespace_) const {
  // Built when first asked for: most caches are never listed by namespace.
  const_cast<ObjectCache*>(this)->AddIndex(
      std::string(kNamespaceIndex),
      [](const api::Object& object, std::vector<std::string>& keys) { keys.push_back(object.namespace_()); });
  return ByIndex(kNamespaceIndex, namespace_);
}

std::vector<ObjectPtr> ObjectCache::ByIndex(std::string_view name, std::string_view key) const {
  std::shared_lock lock(state_->mutex);
  const Index* index = state_->FindIndex(name);
  if (index == nullptr) return {};
  auto bucket = index->buckets.find(key);
  return bucket == index->buckets.end() ? std::vector<ObjectPtr>() : Copy(bucket->second);
}

size_t ObjectCache::CountByIndex(std::string_view name, std::string_view key) const {
  std::shared_lock lock(state_->mutex);
  const Index* index = state_->FindIndex(name);
  if (index == nullptr) return 0;
  auto bucket = index->buckets.find(key);
  return bucket == index->buckets.end() ? 0 : bucket->second.size();
}

size_t ObjectCache::size() const {
  std::shared_lock lock(state_->mutex);
  return state_->objects.size();
}

void ObjectCache::AddIndex(std::string name, IndexKeys keys) {
  {
    std::shared_lock lock(state_->mutex);
    if (state_->FindIndex(name) != nullptr) return;
  }
  std::unique_lock lock(state_->mutex);
  if (state_->FindIndex(name) != nullptr) return;
  Index& index = state_->indexes.emplace_back(Index{std::move(name), std::move(keys), {}});
  for (const ObjectPtr& object : state_->objects) index.Insert(object);
}

void ObjectCache::AddControllerIndex() {
  AddIndex(std::string(kControllerIndex), [](const api::Object& object, std::vector<std::string>& keys) {
    for (const api::OwnerRef& owner : object.head().owners) {
      if (!owner.controller) continue;
      keys.push_back(owner.uid);
      return;
    }
    keys.emplace_back();
  });
}

Delta ObjectCache::Put(ObjectPtr object) {
  std::unique_lock lock(state_->mutex);
  auto found = state_->objects.find(NameOf(object));
  if (found != state_->objects.end() && (*found)->uid() == object->uid() && (*found)->revision() >= object->revision()) {
    return {};
  }
  Delta delta{state_->Erase(NameOf(object)), object};
  state_->Insert(object);
  return delta;
}

Delta ObjectCache::Remove(std::string_view namespace_, std::string_view name) {
  std::unique_lock lock(state_->mutex);
  return Delta{state_->Erase({namespace_, name}), nullptr};
}

std::vector<Delta> ObjectCache::Replace(const std::vector<ObjectPtr>& objects) {
  std::vector<Delta> deltas;
  std::unique_lock lock(state_->mutex);
  ObjectSet wanted(objects.begin(), objects.end());
  std::vector<ObjectPtr> gone;
  for (const ObjectPtr& held : state_->objects) {
    auto found = wanted.find(held);
    // Deleted and created again while nobody looked: the two are different objects to whoever listens.
    if (found == wanted.end() || (*found)->uid() != held->uid()) gone.push_back(held);
  }
  for (const ObjectPtr& object : gone) deltas.push_back({state_->Erase(NameOf(object)), nullptr});
  for (const ObjectPtr& object : objects) {
    auto held = state_->objects.find(object);
    if (held != state_->objects.end() && (*held)->revision() == object->revision()) continue;
    deltas.push_back({held == state_->objects.end() ? nullptr : state_->Erase(NameOf(object)), object});
    state_->Insert(object);
  }
  return deltas;
}

}  // namespace sampan::client
