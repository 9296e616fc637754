// The served resources and the one code path that writes them, whatever their kind. Knows nothing of HTTP.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "api/object.h"
#include "apiserver/admission/admission.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/strategy.h"
#include "apiserver/registry/view.h"
#include "async/clock.h"
#include "async/task.h"
#include "client/client.h"
#include "store/cache.h"
#include "store/store.h"

namespace sampan::apiserver {

using api::ObjectPtr;

// One resource that is kept in the store.
struct Resource {
  const api::KindInfo* kind = nullptr;
  Strategy* strategy = nullptr;
  Traits traits;
  std::shared_ptr<store::Cache> cache;
};

// One request to write. Lives in the frame of who handles the request.
struct Call {
  const Resource* resource = nullptr;
  const View* view = nullptr;  // the form the client writes in, when it is not the stored one
  const auth::UserInfo* user = nullptr;
  const auth::Authorizer* authorizer = nullptr;  // of what turns out on the way; null: the server itself writes
  std::string namespace_;
  std::string name;  // empty for creations
  std::string subresource;
  std::string field_manager = "unknown";
  bool dry_run = false;
  bool track_managers = true;         // false: the mutation sets managedFields itself, as server-side apply does
  std::vector<std::string> warnings;  // out

  // The kind as this client knows it: what errors name and bodies are decoded as.
  const api::KindInfo& kind() const { return view == nullptr ? *resource->kind : *view->kind; }
};

// Computes the wanted document from the stored one. May run several times, each time on fresher input. The result is
// decoded (api/decode.h), not yet defaulted.
using Mutate = std::function<Result<json::Value>(const json::Value& stored, const api::Object& object)>;

using Edit = std::function<Result<void>(json::Value& document)>;

struct DeleteRequest {
  client::DeleteOptions options;
  std::optional<bool> orphan_dependents;  // the old spelling of a propagation policy
};

struct Deleted {
  ObjectPtr object;   // as it was, or as it is while it waits for its finalizers
  bool gone = false;  // false: deletion has begun only
};

struct RegistryDependencies {
  store::Store& store;
  store::CacheSet& caches;
  Clock& clock;
  Rng& rng;
};

// Thread-safe. Conflicts, absent objects and refusals carry Kubernetes' own texts.
class Registry {
 public:
  explicit Registry(const RegistryDependencies& dependencies);
  ~Registry();
  Registry(const Registry&) = delete;

  // Serves `kind` with `strategy`, which outlives the registry. Before the first request.
  void Add(const api::KindInfo& kind, Strategy& strategy);
  void AddAdmission(std::unique_ptr<Admission> step);  // run in the order of addition
  Task<Result<void>> Ready() const;                    // all caches are loaded

  const Resource* Find(std::string_view group, std::string_view version, std::string_view resource) const;
  const Resource* Find(const api::KindInfo& kind) const;
  std::span<const Resource> resources() const { return resources_; }
  // An object of a served kind, null when absent; what strategies and admission look around with.
  template <class T>
  ObjectPtr Get(std::string_view namespace_, std::string_view name) const {
    const Resource* resource = Find(api::KindOf<T>());
    return resource == nullptr ? nullptr : resource->cache->Get(namespace_, name);
  }

  // `call` and, for Update, `mutate` outlive the returned task.
  Task<Result<ObjectPtr>> Create(Call* call, json::Value object);
  Task<Result<ObjectPtr>> Update(Call* call, const Mutate* mutate);
  Task<Result<Deleted>> Delete(Call* call, DeleteRequest request);
  // Changes a stored object as the server itself decides: no admission, validation or ownership. `edit` changes the
  // document in place, may run several times, and outlives the task. For Binding, which is one of the hottest calls.
  Task<Result<ObjectPtr>> Rewrite(Call* call, const Edit* edit);
  // Both phases of admission for what is not a write of the object itself: a subresource that is sent a document of its own,
  // a connection (`object` null). `call` and `object` outlive the task.
  Task<Result<void>> Admit(Call* call, Intent intent, json::Value* object) const;

  Clock& clock() const { return deps_.clock; }
  Rng& rng() const { return deps_.rng; }
  store::Store& storage() const { return deps_.store; }

 private:
  // With a `base` the name is generated from it, once admission has mutated: what refuses speaks of the base.
  Task<Result<ObjectPtr>> CreateNamed(Call* call, json::Value object, std::string base);
  Task<Result<void>> RunMutating(WriteContext* context, json::Value* object, const json::Value* old) const;
  Task<Result<void>> RunValidating(WriteContext* context, const json::Value* object, const json::Value* old) const;
  Task<Result<void>> Prepare(Call* call, WriteContext* context, json::Value* object, const json::Value* old) const;
  Result<void> PrepareUpdate(const Call& call, WriteContext& context, json::Value& object, const json::Value& old) const;
  Result<void> Check(const Call& call, WriteContext& context, json::Value& object, const json::Value& old) const;
  Task<Result<ObjectPtr>> TryUpdate(Call* call, ObjectPtr current, json::Value old, json::Value object);
  Task<Result<ObjectPtr>> Store(Call* call, ObjectPtr current, json::Value object, WriteOf write);
  Task<Result<Deleted>> TryDelete(Call* call, ObjectPtr current, const DeleteRequest* request);
  Task<Result<Deleted>> Erase(Call* call, ObjectPtr current);
  // Waits until the cache has caught up with the write that an attempt has lost against.
  Task<void> CatchUp(const Call* call);
  ObjectPtr Written(const Call& call, std::string_view name, json::Value object, store::Revision revision) const;
  std::unique_ptr<WriteContext> Context(const Call& call, Intent intent) const;

  RegistryDependencies deps_;
  std::vector<Resource> resources_;  // sorted by group, version, resource
  std::vector<std::unique_ptr<Admission>> admission_;
};

}  // namespace sampan::apiserver
