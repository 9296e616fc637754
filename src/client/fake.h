// An API server in memory for unit tests: a map with revisions and watches, and the rules that components lean on.
//
// It keeps: uid, creationTimestamp, resourceVersion, generation (changes of spec), generateName, AlreadyExists, NotFound,
// Conflict by resourceVersion, finalizers with deletionTimestamp, graceful deletion of pods bound to a node, the status,
// scale, binding and finalize subresources, label and field selectors, merge and JSON patches, watch with resume and
// Expired. It does not: default, validate, authorise, or collect garbage.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/clock.h"
#include "base/rng.h"
#include "client/client.h"

namespace sampan::client {

// Thread-safe.
class FakeClient final : public Client {
 public:
  FakeClient(Clock& clock, Rng& rng);
  ~FakeClient() override;

  Task<Result<ObjectPtr>> Get(Ref ref) override;
  Task<Result<ListResult>> List(Ref ref, ListOptions options) override;
  Task<Result<std::unique_ptr<WatchStream>>> Watch(Ref ref, WatchOptions options) override;
  Task<Result<ObjectPtr>> Create(Ref ref, json::Value body) override;
  Task<Result<ObjectPtr>> Update(Ref ref, json::Value body) override;
  Task<Result<ObjectPtr>> Patch(Ref ref, json::Value patch, PatchOptions options) override;
  Task<Result<void>> Delete(Ref ref, DeleteOptions options) override;

  // Straight into the store, as another user would have done; CHECKs that it succeeds.
  ObjectPtr Put(std::string_view json_text);  // creates or replaces; kind by apiVersion and kind
  ObjectPtr PutValue(json::Value object);
  void Remove(const Ref& ref);           // at once, whatever its finalizers and grace
  ObjectPtr Peek(const Ref& ref) const;  // null when absent
  std::vector<ObjectPtr> All(const api::KindInfo& kind, std::string_view namespace_ = {}) const;

  // Called before each request ("get", "list", "watch", "create", "update", "patch", "delete"); what it returns is the
  // request's error. For faults at chosen requests.
  using Fault = std::function<std::optional<Error>(std::string_view verb, const Ref& ref)>;
  void SetFault(Fault fault);
  // Ends all watches; those that resume from before now get Expired.
  void DropWatches();

  api::Revision revision() const;
  int64_t writes() const;  // successful writes so far

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sampan::client
