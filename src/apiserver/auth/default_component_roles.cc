// The roles of the system's components: scheduler, controller manager, node agents, proxy, DNS, and of what is built beside
// them (delegated authentication, metrics readers).
#include "apiserver/auth/default_roles.h"
#include "apiserver/auth/rule_text.h"

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kRead = "get list watch";
constexpr RuleText kEvents{"core events.k8s.io", "events", "create patch update"};
constexpr RuleText kTokenReviews{"authentication.k8s.io", "tokenreviews", "create"};
constexpr RuleText kAccessReviews{"authorization.k8s.io", "subjectaccessreviews", "create"};

PolicyRules SchedulerRules() {
  return Rules({
      kEvents,
      {"coordination.k8s.io", "leases", "create"},
      {"coordination.k8s.io", "leases", "get update list watch", "kube-scheduler"},
      {"coordination.k8s.io", "leasecandidates", "create delete deletecollection get list patch update watch"},
      {"core", "nodes", kRead},
      {"core", "pods", "delete get list watch"},
      {"core", "bindings pods/binding", "create"},
      {"core", "pods/status", "patch update"},
      {"core", "replicationcontrollers services namespaces", kRead},
      {"apps extensions", "replicasets", kRead},
      {"apps", "statefulsets", kRead},
      {"policy", "poddisruptionbudgets", kRead},
      {"core", "persistentvolumeclaims persistentvolumes", kRead},
      {"scheduling.k8s.io", "priorityclasses", kRead},
      {"storage.k8s.io", "csidrivers csinodes csistoragecapacities storageclasses volumeattachments", kRead},
      {"resource.k8s.io", "deviceclasses resourceslices resourceclaims", kRead},
      kTokenReviews,
      kAccessReviews,
  });
}

PolicyRules ControllerManagerRules() {
  return Rules({
      kEvents,
      {"coordination.k8s.io", "leases", "create"},
      {"coordination.k8s.io", "leases", "get update", "kube-controller-manager"},
      {"core", "secrets serviceaccounts", "create"},
      {"core", "secrets", "delete"},
      {"core", "configmaps namespaces secrets serviceaccounts", "get"},
      {"core", "secrets serviceaccounts", "update"},
      {"core", "serviceaccounts/token", "create"},
      {"*", "*", "list watch"},
      kTokenReviews,
      kAccessReviews,
  });
}

PolicyRules ProxyRules() {
  return Rules({
      {"core", "endpoints services", "list watch"},
      {"core", "nodes", kRead},
      {"discovery.k8s.io", "endpointslices", "list watch"},
      {"networking.k8s.io", "servicecidrs", "list watch"},
      kEvents,
  });
}

PolicyRules KubeletAdminRules() {
  return Rules({
      {"core", "nodes", kRead},
      {"core", "nodes", "proxy"},
      {"core", "nodes/log nodes/metrics nodes/proxy nodes/stats nodes/configz nodes/healthz nodes/pods", "*"},
  });
}

}  // namespace

void AddComponentRoles(DefaultPolicy& policy) {
  using enum SubjectKind;
  AddClusterRole(policy, "system:kube-scheduler", SchedulerRules());
  Bind(policy, "system:kube-scheduler", {{kUser, "system:kube-scheduler"}});
  AddClusterRole(policy, "system:kube-controller-manager", ControllerManagerRules());
  Bind(policy, "system:kube-controller-manager", {{kUser, "system:kube-controller-manager"}});
  AddClusterRole(policy, "system:node-proxier", ProxyRules());
  Bind(policy, "system:node-proxier", {{kUser, "system:kube-proxy"}});
  AddClusterRole(policy, "system:kube-dns",
                 Rules({{"core", "endpoints services namespaces pods", "list watch"},
                        {"discovery.k8s.io", "endpointslices", "list watch"}}));
  Bind(policy, "system:kube-dns", {{kSystemAccount, "kube-dns"}, {kUser, "system:kube-dns"}});
  // Once nodes had the proxy's and the name server's rights, to all pods and nodes.
  Withdraw(policy, "system:node-proxier", {kGroup, kNodesGroup});
  Withdraw(policy, "system:kube-dns", {kGroup, kNodesGroup});
  // Kept for what looks for it; nodes get their rights by the node authorizer, limited to what is theirs.
  AddClusterRole(
      policy, "system:node",
      Rules({{"core", "nodes services", kRead}, {"core", "pods", kRead}, kEvents, kTokenReviews, kAccessReviews}));
  AddClusterRole(policy, "system:kubelet-api-admin", KubeletAdminRules());
  Bind(policy, "system:kubelet-api-admin", {{kUser, "kube-apiserver-kubelet-client"}});
  AddClusterRole(policy, "system:auth-delegator", Rules({kTokenReviews, kAccessReviews}));
  AddClusterRole(policy, "system:kube-aggregator", Rules({{"core", "endpoints services", kRead}}));
  AddClusterRole(policy, "system:heapster",
                 Rules({{"core", "events namespaces nodes pods", kRead}, {"extensions apps", "deployments", kRead}}));
  AddClusterRole(policy, "system:node-problem-detector",
                 Rules({{"core", "nodes", "get"}, {"core", "nodes/status", "patch"}, kEvents}));
  AddClusterRole(policy, "system:node-bootstrapper",
                 Rules({{"certificates.k8s.io", "certificatesigningrequests", "create get list watch"}}));
  AddClusterRole(policy, "system:persistent-volume-provisioner",
                 Rules({{"core", "persistentvolumes", "create delete get list watch"},
                        {"core", "persistentvolumeclaims", "get list update watch"},
                        {"storage.k8s.io", "storageclasses", kRead},
                        {"core", "events", "watch"},
                        kEvents}));
  AddClusterRole(policy, "system:volume-scheduler",
                 Rules({{"core", "persistentvolumes", "get list patch update watch"},
                        {"storage.k8s.io", "storageclasses", kRead},
                        {"core", "persistentvolumeclaims", "get list patch update watch"}}));
  Bind(policy, "system:volume-scheduler", {{kUser, "system:kube-scheduler"}});
}

}  // namespace sampan::apiserver::auth
