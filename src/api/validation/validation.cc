#include "api/validation/validation.h"

#include "api/validation/kinds.h"

namespace sampan::api {
namespace {

enum class Meta : unsigned char { kChecked, kFree };  // kFree: a request that is never stored and needs no name

struct KindRules {
  std::string_view group;
  std::string_view kind;
  rules::Rule create = nullptr;
  rules::UpdateRule update = nullptr;
  rules::UpdateRule status = nullptr;
  Meta meta = Meta::kChecked;
};

constexpr std::string_view kRbac = "rbac.authorization.k8s.io";
constexpr std::string_view kAuthn = "authentication.k8s.io";
constexpr std::string_view kAuthz = "authorization.k8s.io";

constexpr KindRules kKinds[] = {
    {"", "Pod", rules::Pod, rules::PodUpdate, rules::PodStatus},
    {"", "Service", rules::Service, rules::ServiceUpdate, rules::ServiceStatus},
    {"", "Endpoints", rules::Endpoints},
    {"", "ConfigMap", rules::ConfigMap, rules::ConfigMapUpdate},
    {"", "Secret", rules::Secret, rules::SecretUpdate},
    {"", "Namespace", rules::Namespace, nullptr, rules::NamespaceStatus},
    {"", "Node", rules::Node, rules::NodeUpdate},
    {"", "Event", rules::Event},
    {"", "Binding", rules::Binding, nullptr, nullptr, Meta::kFree},
    {"events.k8s.io", "Event", rules::NewEvent, rules::NewEventUpdate},
    {"discovery.k8s.io", "EndpointSlice", rules::EndpointSlice, rules::EndpointSliceUpdate},
    {"coordination.k8s.io", "Lease", rules::Lease, rules::LeaseUpdate},
    {"apps", "Deployment", rules::Deployment, rules::DeploymentUpdate, rules::DeploymentStatus},
    {"apps", "ReplicaSet", rules::ReplicaSet, rules::ReplicaSetUpdate, rules::ReplicaSetStatus},
    {"autoscaling", "Scale", rules::Scale},
    {kRbac, "Role", rules::Role},
    {kRbac, "ClusterRole", rules::ClusterRole},
    {kRbac, "RoleBinding", rules::RoleBinding, rules::RoleBindingUpdate},
    {kRbac, "ClusterRoleBinding", rules::ClusterRoleBinding, rules::RoleBindingUpdate},
    {kAuthn, "TokenRequest", rules::TokenRequest, nullptr, nullptr, Meta::kFree},
    {kAuthn, "TokenReview", nullptr, nullptr, nullptr, Meta::kFree},
    {kAuthn, "SelfSubjectReview", nullptr, nullptr, nullptr, Meta::kFree},
    {kAuthz, "SubjectAccessReview", rules::SubjectAccessReview, nullptr, nullptr, Meta::kFree},
    {kAuthz, "SelfSubjectAccessReview", rules::SelfSubjectAccessReview, nullptr, nullptr, Meta::kFree},
    {kAuthz, "LocalSubjectAccessReview", rules::LocalSubjectAccessReview, nullptr, nullptr, Meta::kFree},
    {kAuthz, "SelfSubjectRulesReview", nullptr, nullptr, nullptr, Meta::kFree},
};

// What may change through a subresource that carries a part of the spec.
struct SubresourceRule {
  std::string_view kind;
  std::string_view subresource;
  rules::UpdateRule update;
};
constexpr SubresourceRule kSubresources[] = {
    {"Pod", "ephemeralcontainers", rules::PodEphemeralContainers},
    {"Pod", "resize", rules::PodResize},
};

const KindRules& RulesOf(const KindInfo& kind) {
  static constexpr KindRules kNone;
  for (const KindRules& rules : kKinds) {
    if (rules.kind == kind.kind && rules.group == kind.group) return rules;
  }
  return kNone;
}

rules::UpdateRule UpdateRuleOf(const KindInfo& kind, std::string_view subresource) {
  for (const SubresourceRule& rule : kSubresources) {
    if (rule.kind == kind.kind && kind.group.empty() && rule.subresource == subresource) return rule.update;
  }
  return RulesOf(kind).update;
}

Result<void> Outcome(const KindInfo& kind, const json::Value& object, Causes causes) {
  if (causes.empty()) return {};
  return Fail(std::move(causes).ToError(kind.group, kind.kind, json::FindString(json::Find(object, "metadata", "name"))));
}

}  // namespace

void Validate(const KindInfo& kind, const json::Value& object, Causes& causes) {
  View root(&object, Path());
  const KindRules& rules = RulesOf(kind);
  if (rules.meta == Meta::kChecked) rules::ObjectMeta(kind, root, causes);
  if (rules.create != nullptr) rules.create(root, causes);
}

void ValidateUpdate(const KindInfo& kind, const json::Value& object, const json::Value& old, Causes& causes,
                    std::string_view subresource) {
  Validate(kind, object, causes);
  View root(&object, Path());
  View old_root(&old, Path());
  rules::ObjectMetaUpdate(root, old_root, causes);
  if (auto rule = UpdateRuleOf(kind, subresource)) rule(root, old_root, causes);
}

void ValidateStatusUpdate(const KindInfo& kind, const json::Value& object, const json::Value& old, Causes& causes) {
  View root(&object, Path());
  View old_root(&old, Path());
  rules::ObjectMeta(kind, root, causes);
  rules::ObjectMetaUpdate(root, old_root, causes);
  if (auto rule = RulesOf(kind).status) rule(root, old_root, causes);
}

Result<void> CheckValid(const KindInfo& kind, const json::Value& object) {
  Causes causes;
  Validate(kind, object, causes);
  return Outcome(kind, object, std::move(causes));
}

Result<void> CheckUpdate(const KindInfo& kind, const json::Value& object, const json::Value& old) {
  Causes causes;
  ValidateUpdate(kind, object, old, causes);
  return Outcome(kind, object, std::move(causes));
}

Result<void> CheckStatusUpdate(const KindInfo& kind, const json::Value& object, const json::Value& old) {
  Causes causes;
  ValidateStatusUpdate(kind, object, old, causes);
  return Outcome(kind, object, std::move(causes));
}

void PrepareUpdateMeta(json::Value& object, const json::Value& old) {
  const json::Value* old_meta = json::Find(old, "metadata");
  if (!object.is_object() || old_meta == nullptr) return;
  json::Value& meta = object.get_object()["metadata"];
  if (meta.is_null()) meta.emplace_object();
  if (!meta.is_object()) return;
  for (std::string_view field :
       {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"}) {
    if (const json::Value* value = json::Find(*old_meta, field)) {
      meta.get_object()[field] = *value;
    } else {
      meta.get_object().erase(field);
    }
  }
}

}  // namespace sampan::api
