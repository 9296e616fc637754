#include <algorithm>
#include <array>
#include <set>

#include "api/types/coordination.h"
#include "api/types/core.h"
#include "apiserver/admission/admission.h"
#include "apiserver/auth/node_identity.h"
#include "apiserver/auth/pod_references.h"
#include "apiserver/errors.h"
#include "apiserver/registry/registry.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kLeaseNamespace = "kube-node-lease";
// Labels of Kubernetes' own that a node may give itself; by the others administrators keep workloads off nodes that might
// be lying about themselves.
constexpr std::array<std::string_view, 11> kOwnLabels = {"kubernetes.io/hostname",
                                                         "kubernetes.io/arch",
                                                         "kubernetes.io/os",
                                                         "beta.kubernetes.io/arch",
                                                         "beta.kubernetes.io/os",
                                                         "beta.kubernetes.io/instance-type",
                                                         "node.kubernetes.io/instance-type",
                                                         "topology.kubernetes.io/region",
                                                         "topology.kubernetes.io/zone",
                                                         "failure-domain.beta.kubernetes.io/region",
                                                         "failure-domain.beta.kubernetes.io/zone"};

bool WithinDomain(std::string_view name, std::string_view domain) {
  if (!name.ends_with(domain)) return false;
  name.remove_suffix(domain.size());
  return name.empty() || name.ends_with('.');
}

bool NodeMayLabel(std::string_view key, const auth::UserInfo& user) {
  if (user.InGroup(auth::kControlPlaneNodesGroup)) return true;  // its labels come from who runs the control plane
  std::string_view domain = key.substr(0, key.find('/') == std::string_view::npos ? 0 : key.find('/'));
  if (!WithinDomain(domain, "kubernetes.io") && !WithinDomain(domain, "k8s.io")) return true;
  if (std::ranges::find(kOwnLabels, key) != kOwnLabels.end()) return true;
  return WithinDomain(domain, "kubelet.kubernetes.io") || WithinDomain(domain, "node.kubernetes.io");
}

// The labels that differ, as a list for people, of those that a node must leave alone.
std::string ForbiddenLabels(const json::Value& object, const json::Value* old, const auth::UserInfo& user) {
  std::set<std::string_view> changed;
  const json::Value* after = json::Find(object, "metadata", "labels");
  const json::Value* before = old == nullptr ? nullptr : json::Find(*old, "metadata", "labels");
  auto differs = [&changed](const json::Value* from, const json::Value* to) {
    if (from == nullptr || !from->is_object()) return;
    for (const auto& [key, value] : from->as_object()) {
      const json::Value* other = to == nullptr ? nullptr : json::Find(*to, key);
      if (other == nullptr || *other != value) changed.insert(key);
    }
  };
  differs(after, before);
  differs(before, after);
  std::string found;
  for (std::string_view key : changed) {
    if (NodeMayLabel(key, user)) continue;
    if (!found.empty()) found += ", ";
    found += key;
  }
  return found;
}

// Absent, null and empty are alike.
bool Same(const json::Value* a, const json::Value* b) {
  auto holds = [](const json::Value* value) {
    if (value == nullptr || value->is_null()) return false;
    if (value->is_array()) return !value->get_array().empty();
    return !value->is_object() || !value->get_object().empty();
  };
  return holds(a) && holds(b) ? *a == *b : holds(a) == holds(b);
}

std::string_view NameOf(const json::Value& object) {
  return json::FindString(json::Find(object, "metadata", "name"));
}

// Each says why the node may not; empty when it may.

std::string NodeRefusal(const auth::UserInfo& user, const json::Value& object, const json::Value* old,
                        std::string_view node) {
  if (NameOf(object) != node) return fmt::format("node \"{}\" is not allowed to modify node \"{}\"", node, NameOf(object));
  std::string labels = ForbiddenLabels(object, old, user);
  if (!labels.empty() && old == nullptr) return "is not allowed to set the following labels: " + labels;
  if (!labels.empty()) return "is not allowed to modify labels: " + labels;
  auto same = [&](auto... path) {
    return Same(json::Find(object, path...), old == nullptr ? nullptr : json::Find(*old, path...));
  };
  // By an owner it could have itself deleted, and begin anew with other labels and taints.
  if (!same("metadata", "ownerReferences")) {
    return fmt::format("node \"{}\" is not allowed to modify ownerReferences", node);
  }
  if (!same("spec", "configSource")) {
    return fmt::format("node \"{}\" is not allowed to update configSource to a new non-nil configSource", node);
  }
  // A new node may keep pods away from itself; later that is for administrators to change.
  if (old != nullptr && !same("spec", "taints")) return fmt::format("node \"{}\" is not allowed to modify taints", node);
  return {};
}

std::string OwnerRefusal(const api::meta::ObjectMeta& metadata, const api::ObjectPtr& self, std::string_view node) {
  if (metadata.owner_references.size() > 1) {
    return fmt::format("node \"{}\" can only create pods with a single owner reference set to itself", node);
  }
  if (metadata.owner_references.empty()) {
    return fmt::format("node \"{}\" can only create pods with an owner reference set to itself", node);
  }
  const api::meta::OwnerReference& owner = metadata.owner_references[0];
  if (owner.api_version != "v1" || owner.kind != "Node" || owner.name != node) {
    return fmt::format("node \"{}\" can only create pods with an owner reference set to itself", node);
  }
  if (!owner.controller.value_or(false)) {
    return fmt::format("node \"{}\" can only create pods with a controller owner reference set to itself", node);
  }
  if (owner.block_owner_deletion.value_or(false)) {
    return fmt::format("node \"{}\" must not set blockOwnerDeletion on an owner reference", node);
  }
  if (self == nullptr) return fmt::format("node \"{}\" not found", node);
  if (owner.uid == self->uid()) return {};
  return fmt::format("node {} UID mismatch: expected {} got {}", node, owner.uid, self->uid());
}

std::string PodRefusal(const WriteContext& context, const json::Value& object, std::string_view node) {
  if (json::Find(object, "metadata", "annotations", auth::kMirrorAnnotation) == nullptr) {
    return fmt::format("pod does not have \"{}\" annotation, node \"{}\" can only create mirror pods",
                       auth::kMirrorAnnotation, node);
  }
  auto pod = api::FromJson<api::core::Pod>(object);
  if (!pod) return pod.error().message();
  if (pod->spec.node_name != node) {
    return fmt::format("node \"{}\" can only create pods with spec.nodeName set to itself", node);
  }
  std::string owner = OwnerRefusal(pod->metadata, context.registry.Get<api::core::Node>("", node), node);
  if (!owner.empty()) return owner;
  std::vector<auth::PodReference> references = auth::ReferencesOf(object);
  if (references.empty()) return {};
  return fmt::format("node \"{}\" can not create pods that reference {}", node, references[0].resource);
}

// The claims that were made for the pod, by name: whoever writes them would open others to its node.
json::Value ClaimsOf(const json::Value& pod) {
  const json::Value* claims = json::Find(pod, "status", "resourceClaimStatuses");
  return claims == nullptr ? json::Value() : *claims;
}

std::string PodStatusRefusal(const json::Value& object, const json::Value& old, std::string_view node) {
  if (json::FindString(json::Find(old, "spec", "nodeName")) != node) {
    return fmt::format("node \"{}\" can only update pod status for pods with spec.nodeName set to itself", node);
  }
  if (!Same(json::Find(object, "metadata", "labels"), json::Find(old, "metadata", "labels"))) {
    return fmt::format("node \"{}\" cannot update labels through pod status", node);
  }
  const json::Value after = ClaimsOf(object), before = ClaimsOf(old);
  return Same(&after, &before) ? "" : fmt::format("node \"{}\" cannot update resource claim statues", node);
}

std::string PodRefusal(const WriteContext& context, const json::Value& object, const json::Value* old,
                       std::string_view node) {
  const std::string& subresource = context.subresource;
  if (subresource == "status" && old != nullptr) return PodStatusRefusal(object, *old, node);
  if (!subresource.empty() && subresource != "eviction") {
    return fmt::format("unexpected pod subresource \"{}\", only 'status' and 'eviction' are allowed", subresource);
  }
  if (subresource == "eviction") return {};  // of its own pods: the path has told
  if (old == nullptr) return PodRefusal(context, object, node);
  return fmt::format("unexpected operation \"UPDATE\", node \"{}\" can only create and delete mirror pods", node);
}

std::string LeaseRefusal(const WriteContext& context, const json::Value& object, std::string_view node) {
  if (context.namespace_ != kLeaseNamespace) {
    return fmt::format("can only access leases in the \"{}\" system namespace", kLeaseNamespace);
  }
  return NameOf(object) == node ? "" : "can only access node lease with the same name as the requesting node";
}

// The authorizer has limited a node to its own name where the path has one; here is what only the object tells.
class NodeRestriction final : public Admission {
 public:
  Phases Concerns(const WriteContext& context) const override {
    bool writes = context.intent == Intent::kCreate || context.intent == Intent::kUpdate;
    return {.validate = writes && auth::NodeOf(context.user)};
  }

  Task<Result<void>> Validate(WriteContext* context, const json::Value* object, const json::Value* old) override {
    co_return Check(*context, *object, old);
  }

 private:
  static Result<void> Check(const WriteContext& context, const json::Value& object, const json::Value* old) {
    const std::string_view node = *auth::NodeOf(context.user);
    std::string why;
    if (node.empty()) {
      why = fmt::format("could not determine node from user \"{}\"", context.user.name);
    } else if (context.kind == &api::KindOf<api::core::Node>()) {
      why = NodeRefusal(context.user, object, old, node);
    } else if (context.kind == &api::KindOf<api::core::Pod>()) {
      why = PodRefusal(context, object, old, node);
    } else if (context.kind == &api::KindOf<api::coordination::Lease>()) {
      why = LeaseRefusal(context, object, node);
    }
    if (why.empty()) return {};
    return Fail(ForbiddenError(*context.kind, NameOf(object), why));
  }
};

}  // namespace

std::unique_ptr<Admission> NewNodeRestriction() {
  return std::make_unique<NodeRestriction>();
}

}  // namespace sampan::apiserver
