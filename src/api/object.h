// A stored API object: immutable canonical JSON bytes, a parsed head, and the typed struct on demand. The store's cache,
// every watcher and every in-process client share one instance.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "api/meta/map.h"
#include "base/error.h"
#include "codec/json.h"

namespace sampan::api {

using Revision = int64_t;  // the store's revision; published as resourceVersion, a decimal string

struct OwnerRef {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
  bool block_owner_deletion = false;
};

// The parts of metadata that machinery looks at for every kind.
struct ObjectHead {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string namespace_;  // empty for cluster-scoped objects
  std::string uid;
  Revision revision = 0;
  int64_t generation = 0;
  StringMap labels;
  std::vector<OwnerRef> owners;
  std::vector<std::string> finalizers;
  std::string creation_timestamp;  // RFC 3339
  std::string deletion_timestamp;  // empty unless the object is being deleted
};

// What may be written is a little less than what can be read, so that whatever was stored reads back, from an older version
// and after the server has added to it.
inline constexpr size_t kMaxWrittenDepth = 500;
inline constexpr size_t kMaxStoredDepth = 600;
inline constexpr size_t kMaxWrittenBytes = 1536 * 1024;  // as etcd takes them
inline constexpr size_t kMaxStoredBytes = 2048 * 1024;

// An object's text for the store. BadRequest for what would not read back (text that is no UTF-8, numbers that JSON does not
// have, too deep nesting), RequestEntityTooLarge beyond `max_bytes`.
Result<std::string> ToStored(const json::Value& object, size_t max_bytes);

class Object;
using ObjectPtr = std::shared_ptr<const Object>;

// Thread-safe: immutable but for the lazily built struct, which is published atomically.
class Object {
 public:
  // Takes canonical JSON whose metadata.resourceVersion is already `revision` in decimal, as it comes from the store: bytes
  // that are no UTF-8 (of an older version) are replaced and logged. InternalError when the bytes are no well-formed JSON
  // object with metadata, or nested too deep.
  static Result<ObjectPtr> FromBytes(std::string bytes);
  // Serialises `value` with metadata.resourceVersion set to `revision` (absent for 0). Bytes that are no UTF-8 are replaced.
  static Result<ObjectPtr> FromValue(json::Value value, Revision revision);

  const std::string& bytes() const { return bytes_; }
  // The text after its opening brace, without kind and apiVersion: what lists of built-in kinds, which name the kind once,
  // have of each. Never empty, for metadata is always there.
  std::string_view Untyped() const;
  const ObjectHead& head() const { return head_; }
  const std::string& name() const { return head_.name; }
  const std::string& namespace_() const { return head_.namespace_; }
  const std::string& uid() const { return head_.uid; }
  Revision revision() const { return head_.revision; }
  bool deleting() const { return !head_.deletion_timestamp.empty(); }

  // A fresh mutable copy. It has metadata whatever happens: should the text not parse after all, it is what the head knows.
  json::Value Parse() const;

  // The typed struct (generated, api/types), decoded on first use and kept. One T an object.
  template <class T>
  const T& As() const;

  ~Object();

 private:
  Object() = default;
  static Result<ObjectPtr> FromText(std::string text);
  json::Value Skeleton() const;
  struct Typed;
  const void* TypedSlot(std::type_index type, std::shared_ptr<const void> (*decode)(const Object&)) const;

  std::string bytes_;
  ObjectHead head_;
  mutable std::atomic<Typed*> typed_{nullptr};
};

// Decodes bytes into T by T's generated table; fields of an unexpected type are left empty.
template <class T>
std::shared_ptr<const void> DecodeTyped(const Object& object);

template <class T>
const T& Object::As() const {
  return *static_cast<const T*>(TypedSlot(typeid(T), &DecodeTyped<T>));
}

}  // namespace sampan::api
