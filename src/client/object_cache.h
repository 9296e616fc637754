// A local copy of one kind's objects with indexes. An informer fills it; anyone reads it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"

namespace sampan::client {

using api::ObjectPtr;

// "namespace/name", or "name" for cluster-scoped objects: how work queues name objects.
std::string KeyOf(const api::Object& object);
std::string KeyOf(std::string_view namespace_, std::string_view name);
struct ObjectKey {
  std::string namespace_;
  std::string name;
};
ObjectKey SplitKey(std::string_view key);

// One change of the cache. `before` is null for an addition, `after` is null for a removal; both are set for an update.
struct Delta {
  ObjectPtr before;
  ObjectPtr after;
};

// Thread-safe. Every look-up is O(result); results are in no particular order. The objects are shared and immutable: with
// the in-process client they are the server's own instances.
class ObjectCache {
 public:
  // Appends the index keys of one object. Must be a pure function of the object. An object from which something escapes is
  // left out of the index.
  using IndexKeys = std::function<void(const api::Object& object, std::vector<std::string>& keys)>;

  ObjectCache();
  ~ObjectCache();

  ObjectPtr Get(std::string_view namespace_, std::string_view name) const;  // null when absent
  ObjectPtr GetByKey(std::string_view key) const;
  std::vector<ObjectPtr> List() const;
  std::vector<ObjectPtr> ListNamespace(std::string_view namespace_) const;
  std::vector<ObjectPtr> ByIndex(std::string_view index, std::string_view key) const;  // empty for an unknown index
  size_t CountByIndex(std::string_view index, std::string_view key) const;
  size_t size() const;

  // Adds an index over what is there and what comes. Adding a name again changes nothing, so that several users of a shared
  // cache can ask for the same index.
  void AddIndex(std::string name, IndexKeys keys);
  // The index kControllerIndex: by the uid of the object's controlling owner ("" for objects without one).
  static constexpr std::string_view kControllerIndex = "controller";
  void AddControllerIndex();

  // For the informer: Put and Remove return the change; Replace makes the cache equal to `objects` and returns all changes.
  // An object older than the one held (by revision, same uid) is ignored by Put, and `after` is then null in the result.
  Delta Put(ObjectPtr object);
  Delta Remove(std::string_view namespace_, std::string_view name);
  std::vector<Delta> Replace(const std::vector<ObjectPtr>& objects);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sampan::client
