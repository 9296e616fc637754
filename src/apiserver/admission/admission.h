// Built-in admission: steps of a write, before validation, that look at more than the object itself.
#pragma once

#include <memory>

#include "apiserver/registry/strategy.h"
#include "async/task.h"

namespace sampan::apiserver {

// Thread-safe. A step may change the object; an error refuses the write. `old` is null for creations.
class Admission {
 public:
  virtual ~Admission() = default;
  virtual Result<void> Admit(WriteContext& context, json::Value& object, const json::Value* old) = 0;
};

// Refuses new objects in namespaces that are absent (404) or going away (403).
std::unique_ptr<Admission> NewNamespaceLifecycle();
// A new namespace gets its default service account a moment after it is made; pods that come sooner wait here for up to
// a second. `pod` is the document as sent. The arguments outlive the task.
Task<void> AwaitDefaultServiceAccount(const Registry* registry, std::string_view namespace_, const json::Value* pod);

// Gives each pod its service account, the account's image pull secrets and the volume with its token.
std::unique_ptr<Admission> NewServiceAccountAdmission();
// Gives each pod its priority and the tolerations that keep it for five minutes on a node that fails.
std::unique_ptr<Admission> NewPodDefaults();
// Keeps nodes (system:node:<name> in system:nodes) to their own Node, without its taints and the labels that administrators
// rely on, and to mirror pods of their own, which use nothing of their namespace.
std::unique_ptr<Admission> NewNodeRestriction();

}  // namespace sampan::apiserver
