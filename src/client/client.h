// The Kubernetes API as components see it. Two transports: in-process (built by the API server, shares its objects) and
// HTTP (works against any conformant server). Components take a Client& and cannot tell which it is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "api/object.h"
#include "async/cancel.h"
#include "async/task.h"
#include "base/error.h"

namespace sampan::client {

using api::ObjectPtr;

// What a request is about. `kind` is one of the generated constants (api::KindOf<T>()).
struct Ref {
  const api::KindInfo* kind = nullptr;
  std::string namespace_;   // empty for cluster-scoped kinds and for lists over all namespaces
  std::string name;         // empty for lists and creations
  std::string subresource;  // "", "status", "scale", "binding", "token", "eviction"
};

struct ListOptions {
  std::string label_selector;
  std::string field_selector;
  int64_t limit = 0;
  std::string continue_token;
  std::string resource_version;
  CancelToken stop;  // ends the request early, with an error
};

struct ListResult {
  std::vector<ObjectPtr> items;
  api::Revision revision = 0;
  std::string continue_token;
};

struct WatchOptions {
  std::string label_selector;
  std::string field_selector;
  api::Revision from = 0;  // events after this revision
  CancelToken stop;        // ends the request early, with an error, and the stream that it became
};

struct WatchEvent {
  enum class Type : unsigned char { kAdded, kModified, kDeleted, kBookmark };
  Type type = Type::kAdded;
  ObjectPtr object;  // for kDeleted the last state; null for kBookmark
  api::Revision revision = 0;
};

class WatchStream {
 public:
  virtual ~WatchStream() = default;  // ends the watch
  // The next events, at least one; nothing when the server ended the watch (watch again from the last revision).
  // Expired when the place is lost (list again).
  virtual Task<Result<std::optional<std::vector<WatchEvent>>>> Next() = 0;
  virtual void Stop() = 0;  // ends a waiting Next(); any thread
};

enum class PatchType : unsigned char { kJson, kMerge, kStrategic, kApply };

struct PatchOptions {
  PatchType type = PatchType::kStrategic;
  std::string field_manager;  // demanded for kApply
  bool force = false;
};

struct DeleteOptions {
  std::optional<int64_t> grace_period_seconds;
  std::string propagation_policy;  // "", "Background", "Foreground", "Orphan"
  std::string uid_precondition;
  std::string resource_version_precondition;
};

// Thread-safe. Errors are the server's Status, or ServiceUnavailable when it cannot be reached.
class Client {
 public:
  virtual ~Client() = default;
  virtual Task<Result<ObjectPtr>> Get(Ref ref) = 0;
  virtual Task<Result<ListResult>> List(Ref ref, ListOptions options) = 0;
  virtual Task<Result<std::unique_ptr<WatchStream>>> Watch(Ref ref, WatchOptions options) = 0;
  // The body is the object's JSON; for subresources (binding, token, eviction) the subresource's object.
  virtual Task<Result<ObjectPtr>> Create(Ref ref, json::Value body) = 0;
  // Optimistic: Conflict when body.metadata.resourceVersion is set and not current.
  virtual Task<Result<ObjectPtr>> Update(Ref ref, json::Value body) = 0;
  virtual Task<Result<ObjectPtr>> Patch(Ref ref, json::Value patch, PatchOptions options) = 0;
  virtual Task<Result<void>> Delete(Ref ref, DeleteOptions options) = 0;
};

}  // namespace sampan::client
