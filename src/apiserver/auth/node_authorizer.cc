#include "apiserver/auth/node_authorizer.h"

#include <algorithm>

#include "api/meta/field_selector.h"
#include "apiserver/auth/node_graph.h"
#include "apiserver/auth/node_identity.h"
#include "apiserver/auth/rule_text.h"

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kLeaseNamespace = "kube-node-lease";

// What every node may do alike.
PolicyRules CommonRules() {
  return Rules({
      {"authentication.k8s.io", "tokenreviews", "create"},
      {"authorization.k8s.io", "subjectaccessreviews localsubjectaccessreviews", "create"},
      {"core", "services namespaces", "get list watch"},
      {"discovery.k8s.io", "endpointslices", "get list watch"},
      {"core", "endpoints", "get"},
      {"core events.k8s.io", "events", "create update patch"},
      {"certificates.k8s.io", "certificatesigningrequests", "create get list watch"},
      {"certificates.k8s.io", "clustertrustbundles", "get list watch"},
      {"storage.k8s.io", "csidrivers", "get list watch"},
      {"node.k8s.io", "runtimeclasses", "get list watch"},
  });
}

bool IsOneOf(std::string_view verb, std::initializer_list<std::string_view> verbs) {
  return std::ranges::find(verbs, verb) != verbs.end();
}

bool Reads(const Attributes& a) {
  return IsOneOf(a.verb, {"get", "list", "watch"});
}

bool Demands(const Attributes& a, std::string_view path, std::string_view value) {
  if (a.fields == nullptr) return false;
  return std::ranges::any_of(a.fields->requirements(), [&](const api::FieldSelector::Requirement& requirement) {
    return requirement.equal && requirement.path == path && requirement.value == value;
  });
}

Decision Allow() {
  return {true, ""};
}

Decision Refuse(std::string reason = "") {
  return {false, std::move(reason)};
}

class NodeAuthorizer final : public Authorizer {
 public:
  explicit NodeAuthorizer(const Lookup& lookup) : graph_(lookup), lookup_(lookup), common_(CommonRules()) {}

  Decision Authorize(const Attributes& a) const override {
    std::optional<std::string_view> node = NodeOf(*a.user);
    if (!node) return Refuse();
    if (node->empty()) return Refuse(fmt::format("unknown node for user \"{}\"", a.user->name));
    if (!a.resource_request) return Refuse();
    using Rule = Decision (NodeAuthorizer::*)(const Attributes&, std::string_view node) const;
    struct Divided {
      std::string_view group, resource;
      Rule rule;
    };
    static constexpr Divided kDivided[] = {
        {"", "secrets", &NodeAuthorizer::NamedRead},
        {"", "configmaps", &NodeAuthorizer::NamedRead},
        {"", "persistentvolumeclaims", &NodeAuthorizer::Claims},
        {"", "serviceaccounts", &NodeAuthorizer::Tokens},
        {"", "nodes", &NodeAuthorizer::Nodes},
        {"", "pods", &NodeAuthorizer::Pods},
        {"coordination.k8s.io", "leases", &NodeAuthorizer::Leases},
        {"storage.k8s.io", "csinodes", &NodeAuthorizer::CsiNodes},
    };
    for (const Divided& divided : kDivided) {
      if (divided.group == a.group && divided.resource == a.resource) return (this->*divided.rule)(a, *node);
    }
    return Decision{std::ranges::any_of(common_, [&](const auto& rule) { return RuleAllows(rule, a); }), ""};
  }

 private:
  Decision Related(const Attributes& a, std::string_view node) const {
    if (a.name.empty()) return Refuse("No Object name found");
    if (graph_.Uses(node, a.resource, a.namespace_, a.name)) return Allow();
    return Refuse(fmt::format("no relationship found between node '{}' and this object", node));
  }

  Decision NamedRead(const Attributes& a, std::string_view node) const {
    if (!Reads(a)) return Refuse("can only read resources of this type");
    if (!a.subresource.empty()) return Refuse("cannot read subresource");
    if (a.namespace_.empty()) return Refuse("can only read namespaced object of this type");
    return Related(a, node);
  }

  Decision Claims(const Attributes& a, std::string_view node) const {
    if (a.subresource == "status") {
      if (!IsOneOf(a.verb, {"update", "patch"})) return Refuse("can only get/update/patch this type");
      return Related(a, node);
    }
    if (a.verb != "get") return Refuse("can only get individual resources of this type");
    if (!a.subresource.empty()) return Refuse("cannot get subresource");
    return Related(a, node);
  }

  Decision Tokens(const Attributes& a, std::string_view node) const {
    if (a.verb != "create" || a.name.empty()) return Refuse("can only create tokens for individual service accounts");
    if (a.subresource != "token") return Refuse("can only create token subresource of serviceaccount");
    return Related(a, node);
  }

  Decision Nodes(const Attributes& a, std::string_view node) const {
    if (a.subresource == "status" && IsOneOf(a.verb, {"update", "patch"})) return OwnNode(a, node);
    if (!a.subresource.empty()) return Refuse();
    if (a.verb == "create") return Allow();  // of its own name: that is seen in the object
    if (IsOneOf(a.verb, {"update", "patch"})) return OwnNode(a, node);
    if (!Reads(a)) return Refuse();
    if (a.name == node) return Allow();
    if (a.name.empty()) return Refuse(fmt::format("node '{}' cannot read all nodes, only its own Node object", node));
    return Refuse(fmt::format("node '{}' cannot read '{}', only its own Node object", node, a.name));
  }

  static Decision OwnNode(const Attributes& a, std::string_view node) {
    if (a.name == node) return Allow();
    return Refuse(fmt::format("node \"{}\" is not allowed to modify node \"{}\"", node, a.name));
  }

  Decision Pods(const Attributes& a, std::string_view node) const {
    if (a.subresource == "status" && IsOneOf(a.verb, {"update", "patch"})) return OwnPod(a, node, "update pod status for");
    if (a.subresource == "eviction" && a.verb == "create") return OwnPod(a, node, "evict");
    if (!a.subresource.empty()) return Refuse();
    if (a.verb == "create") return Allow();  // mirror pods: that is seen in the object
    if (a.verb == "delete") return OwnPod(a, node, "delete");
    if (!Reads(a)) return Refuse();
    if (a.verb != "get" && Demands(a, "spec.nodeName", node)) return Allow();
    if (a.name.empty()) return Refuse("can only list/watch pods with spec.nodeName field selector");
    if (graph_.Runs(node, a.namespace_, a.name)) return Allow();
    return Refuse(fmt::format("no relationship found between node '{}' and this object", node));
  }

  // What is absent is answered with 404, as to everyone who may write.
  Decision OwnPod(const Attributes& a, std::string_view node, std::string_view what) const {
    if (graph_.Runs(node, a.namespace_, a.name) || lookup_.Get("pods", a.namespace_, a.name) == nullptr) return Allow();
    return Refuse(fmt::format("node \"{}\" can only {} pods with spec.nodeName set to itself", node, what));
  }

  Decision Leases(const Attributes& a, std::string_view node) const {
    if (!IsOneOf(a.verb, {"get", "create", "update", "patch", "delete"})) {
      return Refuse("can only get, create, update, patch, or delete a node lease");
    }
    if (a.namespace_ != kLeaseNamespace) {
      return Refuse(fmt::format("can only access leases in the \"{}\" system namespace", kLeaseNamespace));
    }
    if (a.verb == "create" || a.name == node) return Allow();
    return Refuse("can only access node lease with the same name as the requesting node");
  }

  Decision CsiNodes(const Attributes& a, std::string_view node) const {
    if (!IsOneOf(a.verb, {"get", "create", "update", "patch", "delete"})) {
      return Refuse("can only get, create, update, patch, or delete a CSINode");
    }
    if (!a.subresource.empty()) return Refuse("cannot authorize CSINode subresources");
    if (a.verb == "create" || a.name == node) return Allow();
    return Refuse("can only access CSINode with the same name as the requesting node");
  }

  NodeGraph graph_;
  const Lookup& lookup_;
  const PolicyRules common_;
};

}  // namespace

std::unique_ptr<Authorizer> NewNodeAuthorizer(const Lookup& lookup) {
  return std::make_unique<NodeAuthorizer>(lookup);
}

}  // namespace sampan::apiserver::auth
