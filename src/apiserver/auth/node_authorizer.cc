#include "apiserver/auth/node_authorizer.h"

#include <algorithm>

#include "api/types/core.h"
#include "apiserver/auth/rule_text.h"

namespace sampan::apiserver::auth {
namespace {

using api::core::Pod;

constexpr std::string_view kLeaseNamespace = "kube-node-lease";

// All that a node agent ever asks for; what follows narrows it down.
PolicyRules NodeRules() {
  return Rules({
      {"authentication.k8s.io", "tokenreviews", "create"},
      {"authorization.k8s.io", "subjectaccessreviews localsubjectaccessreviews", "create"},
      {"core", "services", "get list watch"},
      {"core", "nodes", "create get list watch update patch"},
      {"core", "nodes/status", "update patch"},
      {"core", "events", "create update patch"},
      {"events.k8s.io", "events", "create update patch"},
      {"core", "pods", "get list watch create delete"},
      {"core", "pods/status", "update patch"},
      {"core", "pods/eviction", "create"},
      {"core", "configmaps secrets persistentvolumeclaims persistentvolumes", "get list watch"},
      {"core", "persistentvolumeclaims/status", "get update patch"},
      {"core", "endpoints", "get"},
      {"core", "serviceaccounts/token", "create"},
      {"certificates.k8s.io", "certificatesigningrequests", "create get list watch"},
      {"coordination.k8s.io", "leases", "get create update patch delete"},
      {"storage.k8s.io", "volumeattachments", "get"},
      {"storage.k8s.io", "csidrivers", "get list watch"},
      {"storage.k8s.io", "csinodes", "create update patch delete get"},
      {"node.k8s.io", "runtimeclasses", "get list watch"},
  });
}

template <class C>
bool ContainersUse(const std::vector<C>& containers, std::string_view resource, std::string_view name) {
  const bool secret = resource == "secrets";
  return std::ranges::any_of(containers, [&](const C& container) {
    return std::ranges::any_of(container.env_from,
                               [&](const auto& from) {
                                 return secret ? from.secret_ref && from.secret_ref->name == name
                                               : from.config_map_ref && from.config_map_ref->name == name;
                               }) ||
           std::ranges::any_of(container.env, [&](const auto& variable) {
             if (!variable.value_from) return false;
             const auto& from = *variable.value_from;
             return secret ? from.secret_key_ref && from.secret_key_ref->name == name
                           : from.config_map_key_ref && from.config_map_key_ref->name == name;
           });
  });
}

bool VolumeUses(const api::core::Volume& volume, std::string_view resource, std::string_view name) {
  if (resource == "persistentvolumeclaims") {
    return volume.persistent_volume_claim && volume.persistent_volume_claim->claim_name == name;
  }
  const bool secret = resource == "secrets";
  if (secret ? volume.secret && volume.secret->secret_name == name : volume.config_map && volume.config_map->name == name) {
    return true;
  }
  return volume.projected && std::ranges::any_of(volume.projected->sources, [&](const auto& source) {
           return secret ? source.secret && source.secret->name == name
                         : source.config_map && source.config_map->name == name;
         });
}

bool PodUses(const Pod& pod, std::string_view resource, std::string_view name) {
  const api::core::PodSpec& spec = pod.spec;
  if (resource == "serviceaccounts")
    return (spec.service_account_name.empty() ? "default" : spec.service_account_name) == name;
  if (std::ranges::any_of(spec.volumes, [&](const auto& volume) { return VolumeUses(volume, resource, name); })) return true;
  if (resource == "persistentvolumeclaims") return false;
  if (resource == "secrets" &&
      std::ranges::any_of(spec.image_pull_secrets, [&](const auto& reference) { return reference.name == name; })) {
    return true;
  }
  return ContainersUse(spec.containers, resource, name) || ContainersUse(spec.init_containers, resource, name) ||
         ContainersUse(spec.ephemeral_containers, resource, name);
}

class NodeAuthorizer final : public Authorizer {
 public:
  explicit NodeAuthorizer(const Lookup& lookup) : lookup_(lookup), rules_(NodeRules()) {}

  Decision Authorize(const Attributes& a) const override {
    std::string_view node = a.user->name;
    if (!node.starts_with(kNodeUserPrefix) || !a.user->InGroup(kNodesGroup)) return {};
    node.remove_prefix(kNodeUserPrefix.size());
    if (!std::ranges::any_of(rules_, [&](const auto& rule) { return RuleAllows(rule, a); })) return {};
    std::string refusal = Refusal(a, node);
    return {refusal.empty(), std::move(refusal)};
  }

 private:
  // Why the node may not; empty when it may.
  std::string Refusal(const Attributes& a, std::string_view node) const {
    if (a.group == "coordination.k8s.io") return LeaseRefusal(a, node);
    if (a.resource == "csinodes") return OwnName(a, node, "CSINode");
    if (!a.group.empty()) return {};
    if (a.resource == "nodes" && a.verb != "get" && a.verb != "list" && a.verb != "watch") return OwnName(a, node, "node");
    if (a.resource == "pods") return PodRefusal(a, node);
    if (a.resource == "secrets" || a.resource == "configmaps" || a.resource == "persistentvolumeclaims" ||
        a.resource == "serviceaccounts") {
      return RelationRefusal(a, node);
    }
    return {};
  }

  static std::string OwnName(const Attributes& a, std::string_view node, std::string_view what) {
    if (a.verb == "create" || a.name == node) return {};
    return fmt::format("node \"{}\" is not allowed to modify {} \"{}\"", node, what, a.name);
  }

  static std::string LeaseRefusal(const Attributes& a, std::string_view node) {
    if (a.namespace_ != kLeaseNamespace) {
      return fmt::format("can only access leases in the \"{}\" system namespace", kLeaseNamespace);
    }
    if (a.verb == "create" || a.name == node) return {};
    return "can only access node lease with the same name as the requesting node";
  }

  std::string PodRefusal(const Attributes& a, std::string_view node) const {
    if (a.verb == "list" || a.verb == "watch" || (a.verb == "create" && a.subresource.empty())) return {};
    api::ObjectPtr pod = lookup_.Get("pods", a.namespace_, a.name);
    // What is absent is answered with 404, as for everyone.
    if (!pod || pod->As<Pod>().spec.node_name == node) return {};
    return fmt::format("node \"{}\" can only {} pods with spec.nodeName set to itself", node, a.verb);
  }

  std::string RelationRefusal(const Attributes& a, std::string_view node) const {
    if (a.name.empty()) return "No Object name found";
    for (const api::ObjectPtr& pod : lookup_.PodsOnNode(node)) {
      if (pod->namespace_() == a.namespace_ && PodUses(pod->As<Pod>(), a.resource, a.name)) return {};
    }
    return fmt::format("no relationship found between node '{}' and this object", node);
  }

  const Lookup& lookup_;
  const PolicyRules rules_;
};

}  // namespace

std::unique_ptr<Authorizer> NewNodeAuthorizer(const Lookup& lookup) {
  return std::make_unique<NodeAuthorizer>(lookup);
}

}  // namespace sampan::apiserver::auth
