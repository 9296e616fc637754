// What is particular to a kind: everything else about serving it is generic (registry/registry.h). One small class a kind
// in registry/<group>/<kind>.cc, found by registry/strategies.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "api/object.h"
#include "api/validation/causes.h"
#include "apiserver/auth/auth.h"
#include "base/rng.h"
#include "base/time.h"

namespace sampan::apiserver {

class Registry;

// What a request wants of an object, as admission asks.
enum class Intent : unsigned char { kCreate, kUpdate, kDelete, kConnect };

// One attempt to write, on its way through admission, strategy and store. Lives until the write is stored or refused.
class WriteContext {
 public:
  WriteContext(const Registry& registry, const auth::UserInfo& user, Rng& rng, WallTime now)
      : registry(registry), user(user), rng(rng), now(now) {}
  WriteContext(const WriteContext&) = delete;
  WriteContext& operator=(const WriteContext&) = delete;
  ~WriteContext();  // runs what Undo was given, newest first, unless the write was stored

  // For what must be given back when nothing is stored (a refusal, a dry run): an allocated address.
  void Undo(std::move_only_function<void()> step) { undo_.push_back(std::move(step)); }
  // For what must happen once the write is stored: the release of an address that the object no longer has.
  void Then(std::move_only_function<void()> step) { then_.push_back(std::move(step)); }
  void Stored();

  const Registry& registry;  // for look-ups of other objects
  const auth::UserInfo& user;
  Rng& rng;
  const WallTime now;
  Intent intent = Intent::kCreate;
  const api::KindInfo* kind = nullptr;
  const api::KindInfo* published = nullptr;  // the form the client writes in; `kind` unless a view is used
  std::string namespace_;
  std::string name;
  std::string subresource;
  bool dry_run = false;
  std::vector<std::string> warnings;  // sent as Warning headers

 private:
  bool stored_ = false;
  std::vector<std::move_only_function<void()>> undo_;
  std::vector<std::move_only_function<void()>> then_;
};

struct Traits {
  bool generation = false;           // metadata.generation counts changes of everything but metadata and status
  bool status = false;               // status is written through the status subresource only
  bool status_on_create = false;     // but a creation may bring one (Node)
  bool create_on_update = false;     // PUT of an absent object creates it
  bool unconditional_update = true;  // PUT without a resourceVersion is allowed
  bool returns_deleted = false;      // DELETE answers with the object instead of a Status
  bool expires = false;              // ExpiresAt is worth asking
};

// Thread-safe: one instance serves all threads. Documents are whole, decoded by the schema and defaulted.
// Errors refuse the write.
class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual Traits traits() const { return {}; }

  // Before validation. The generic part has set metadata and, where traits say so, has dropped status.
  virtual Result<void> PrepareForCreate(WriteContext& context, json::Value& object);
  // `object` is what the client wants, `old` what is stored. The generic part has kept the immutable metadata and what
  // this subresource ("" for the object itself) does not carry.
  virtual Result<void> PrepareForUpdate(WriteContext& context, json::Value& object, const json::Value& old);
  // On top of api::Validate; `old` is null for a creation.
  virtual void Validate(const WriteContext& context, const json::Value& object, const json::Value* old, api::Causes& causes);
  // The write is valid: allocate what the object needs, and give back with Undo and Then.
  virtual Result<void> BeforeStore(WriteContext& context, json::Value& object, const json::Value* old);

  // Refuses a deletion.
  virtual Result<void> CheckDelete(const WriteContext& context, const api::Object& object);
  // Seconds from the request to the disappearance; 0 deletes at once. `requested` is the client's wish.
  virtual int64_t GracePeriod(const api::Object& object, std::optional<int64_t> requested);
  // Whether something other than metadata.finalizers holds a deleted object back (Namespace: spec.finalizers).
  virtual bool HeldBack(const json::Value& object);
  // Changes an object at the moment its deletion begins (Namespace: phase Terminating).
  virtual void MarkDeleted(json::Value& object);
  // When the object vanishes by itself; nothing for most kinds.
  virtual std::optional<WallTime> ExpiresAt(const api::Object& object);
  // The object is gone from the store: release what it held.
  virtual void AfterDelete(const api::Object& object);
};

}  // namespace sampan::apiserver
