// Admission: what decides about a write, a deletion or a connection by looking at more than the object itself. Two phases,
// as in Kubernetes: first every step may change the object, then, when strategy and validation have made it final, every
// step may refuse it. Both wait where they must, so that webhooks, policies and quotas are steps like any other.
//
// An update is mutated and validated anew in each attempt of its optimistic retry, on what is stored then; a deletion is
// mutated once and validated in each attempt.
#pragma once

#include <memory>

#include "apiserver/registry/strategy.h"
#include "async/task.h"

namespace sampan::apiserver {

// What a step takes part in.
struct Phases {
  bool mutate = false;
  bool validate = false;
};

// Thread-safe. An error refuses the request; what a step took meanwhile goes back by WriteContext::Undo.
class Admission {
 public:
  virtual ~Admission() = default;
  // Decided by the context alone (intent, kind, subresource, user), without waiting: where a step has nothing to say it
  // costs nothing.
  virtual Phases Concerns(const WriteContext& context) const = 0;
  // `object` is what is wanted: the document as sent and defaulted for a creation or an update, what a subresource was sent
  // (an Eviction, a TokenRequest); null for deletions and connections. `old` is what is stored, null for a creation. In a
  // dry run (context->dry_run) nothing outside of the request may change. The arguments outlive the task.
  virtual Task<Result<void>> Mutate(WriteContext* context, json::Value* object, const json::Value* old);
  virtual Task<Result<void>> Validate(WriteContext* context, const json::Value* object, const json::Value* old);
};

// Refuses new objects in namespaces that are absent (404) or going away (403).
std::unique_ptr<Admission> NewNamespaceLifecycle();
// A new namespace gets its default service account a moment after it is made; pods that come sooner wait here for up to
// a second. `pod` is the document as sent. The arguments outlive the task.
Task<void> AwaitDefaultServiceAccount(const Registry* registry, std::string_view namespace_, const json::Value* pod);

// Gives each pod its service account, the account's image pull secrets and the volume with its token. Refuses mirror pods
// that name secrets or accounts, and pods that use secrets which an account that limits them does not list.
std::unique_ptr<Admission> NewServiceAccountAdmission();
// Gives each pod its priority and the tolerations that keep it for five minutes on a node that fails.
std::unique_ptr<Admission> NewPodDefaults();
// Keeps nodes (auth/node_identity.h) to their own Node, without its owners, its taints and the labels that administrators
// rely on, to the Lease of their name, to the status of their pods, without its labels, and to mirror pods of their own,
// which name no other object.
std::unique_ptr<Admission> NewNodeRestriction();

}  // namespace sampan::apiserver
