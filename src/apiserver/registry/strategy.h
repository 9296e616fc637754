// What is particular to a kind: everything else about serving it is generic (registry/). One small class a kind in
// registry/<group>/<kind>.cc, found by registry/strategies.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "api/object.h"
#include "apiserver/auth/auth.h"
#include "base/rng.h"
#include "base/time.h"

namespace sampan::apiserver {

class Registry;

// One write request on its way through defaults, admission and strategy. Lives until the write is stored or refused.
class WriteContext {
 public:
  WriteContext(Registry& registry, const auth::UserInfo& user) : registry(registry), user(user) {}
  WriteContext(const WriteContext&) = delete;
  ~WriteContext();  // runs what Undo was given, newest first, unless the write was stored

  // For what must be given back when the write fails or is a dry run: an allocated address.
  void Undo(std::move_only_function<void()> step) { undo_.push_back(std::move(step)); }
  void Stored() { stored_ = true; }
  // For what must happen once the write is stored: an address that the object no longer has.
  void Then(std::move_only_function<void()> step) { then_.push_back(std::move(step)); }
  void Warn(std::string message) { warnings.push_back(std::move(message)); }

  Registry& registry;
  const auth::UserInfo& user;
  const api::KindInfo* kind = nullptr;
  std::string namespace_;
  std::string name;
  std::string subresource;
  bool dry_run = false;
  WallTime now;
  std::vector<std::string> warnings;  // sent as Warning headers

 private:
  friend class Registry;
  bool stored_ = false;
  std::vector<std::move_only_function<void()>> undo_;
  std::vector<std::move_only_function<void()>> then_;
};

struct Traits {
  bool generation = false;              // metadata.generation counts changes of everything but metadata and status
  bool status = false;                  // status is written through the status subresource only
  bool create_on_update = false;        // PUT of an absent object creates it
  bool unconditional_update = true;     // PUT without a resourceVersion is allowed
  Duration time_to_live{0};             // objects vanish this long after their last write; 0 = never
};

// Stateless or thread-safe: one instance serves all threads. Objects are whole JSON documents after decoding and
// defaulting. Errors refuse the write.
class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual Traits traits() const { return {}; }

  // Before validation. The generic part has set metadata and, where traits say so, has dropped status.
  virtual Result<void> PrepareForCreate(WriteContext& context, json::Object& object);
  // `object` is what the client wants, `old` what is stored. The generic part has kept immutable metadata and, for the
  // main resource, status; for a subresource it has kept everything the subresource does not carry.
  virtual Result<void> PrepareForUpdate(WriteContext& context, json::Object& object, const api::Object& old);
  // After the generic validation of the kind; adds to `causes`.
  virtual void Validate(const WriteContext& context, const json::Object& object, const api::Object* old,
                        std::vector<ErrorCause>& causes);
  // Last thing before the write, when it is known to be valid: allocate what the object needs.
  virtual Result<void> BeforeStore(WriteContext& context, json::Object& object, const api::Object* old);

  // Seconds between the deletion request and the disappearance; 0 deletes at once. `requested` is the client's wish.
  virtual int64_t GracePeriod(const api::Object& object, std::optional<int64_t> requested);
  // Changes an object at the moment its deletion begins (Namespace: phase Terminating).
  virtual void MarkDeleted(json::Object& object);
  // Whether anything but metadata.finalizers still holds a deleted object back.
  virtual bool HeldBack(const api::Object& object);
  // Refuses deletion (a protected namespace).
  virtual Result<void> CheckDelete(WriteContext& context, const api::Object& object);
  // Finalizers that deletion adds when the client names no propagation policy; Kubernetes' default is background.
  virtual void AfterDelete(const api::Object& object);
};

}  // namespace sampan::apiserver
