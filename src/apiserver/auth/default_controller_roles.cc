// One role for each controller, bound to its service account in kube-system and to system:kube-controller-manager, under
// whose name the controllers of this program run together.
#include "apiserver/auth/default_roles.h"
#include "apiserver/auth/rule_text.h"

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kRead = "get list watch";
constexpr RuleText kEvents{"core events.k8s.io", "events", "create patch update"};

void AddController(DefaultPolicy& policy, std::string_view name, std::initializer_list<RuleText> rules) {
  const std::string role = fmt::format("system:controller:{}", name);
  AddClusterRole(policy, role, Rules(rules));
  Bind(policy, role, {{SubjectKind::kSystemAccount, name}, {SubjectKind::kUser, "system:kube-controller-manager"}});
}

void AddWorkloadControllers(DefaultPolicy& policy) {
  AddController(policy, "deployment-controller",
                {{"apps extensions", "deployments", "get list update watch"},
                 {"apps extensions", "deployments/status", "update patch"},
                 {"apps extensions", "deployments/finalizers", "update"},
                 {"apps extensions", "replicasets", "create delete get list patch update watch"},
                 {"core", "pods", "get list update watch"},
                 kEvents});
  AddController(policy, "replicaset-controller",
                {{"apps extensions", "replicasets", "get list update watch"},
                 {"apps extensions", "replicasets/status", "update patch"},
                 {"apps extensions", "replicasets/finalizers", "update"},
                 {"core", "pods", "create delete get list patch watch"},
                 kEvents});
  AddController(policy, "daemon-set-controller",
                {{"apps extensions", "daemonsets", kRead},
                 {"apps extensions", "daemonsets/status", "update patch"},
                 {"apps extensions", "daemonsets/finalizers", "update"},
                 {"core", "nodes", "list watch"},
                 {"core", "pods", "create delete get list patch watch"},
                 {"core", "pods/binding", "create"},
                 {"apps", "controllerrevisions", "create delete get list patch update watch"},
                 kEvents});
  AddController(policy, "statefulset-controller",
                {{"core", "pods", "list watch create delete get patch update"},
                 {"apps", "statefulsets", kRead},
                 {"apps", "statefulsets/status", "update patch"},
                 {"apps", "statefulsets/finalizers", "update"},
                 {"apps", "controllerrevisions", "create delete get list patch update watch"},
                 {"core", "persistentvolumeclaims", "create get update delete"},
                 kEvents});
  AddController(policy, "job-controller",
                {{"batch", "jobs", "get list update watch patch"},
                 {"batch", "jobs/status", "update patch"},
                 {"batch", "jobs/finalizers", "update"},
                 {"core", "pods", "list watch create delete patch"},
                 kEvents});
  AddController(policy, "cronjob-controller",
                {{"batch", "cronjobs", "get list update watch"},
                 {"batch", "jobs", "create delete get list patch update watch"},
                 {"batch", "cronjobs/status", "update"},
                 {"batch", "cronjobs/finalizers", "update"},
                 {"core", "pods", "delete list"},
                 kEvents});
}

void AddServiceControllers(DefaultPolicy& policy) {
  AddController(policy, "endpoint-controller",
                {{"core", "pods services", kRead},
                 {"core", "endpoints", "create delete get list update watch"},
                 {"core", "endpoints/restricted", "create"},
                 kEvents});
  AddController(policy, "endpointslice-controller",
                {{"core", "nodes pods services", kRead},
                 {"core", "services/finalizers", "update"},
                 {"discovery.k8s.io", "endpointslices", "create delete get list update watch"},
                 {"discovery.k8s.io", "endpointslices/restricted", "create"},
                 kEvents});
  AddController(policy, "endpointslicemirroring-controller",
                {{"core", "endpoints services", kRead},
                 {"core", "services/finalizers endpoints/finalizers", "update"},
                 {"discovery.k8s.io", "endpointslices", "create delete get list update watch"},
                 {"discovery.k8s.io", "endpointslices/restricted", "create"},
                 kEvents});
}

void AddClusterControllers(DefaultPolicy& policy) {
  AddController(policy, "namespace-controller",
                {{"core", "namespaces", "delete get list watch update"},
                 {"core", "namespaces/finalize namespaces/status", "update"},
                 {"*", "*", "delete deletecollection get list watch"}});
  AddController(policy, "generic-garbage-collector", {{"*", "*", "delete get list patch update watch"}, kEvents});
  AddController(policy, "service-account-controller", {{"core", "serviceaccounts", "create get list watch"}, kEvents});
  AddController(policy, "root-ca-cert-publisher", {{"core", "configmaps", "create update get list watch"}, kEvents});
  AddController(policy, "node-controller",
                {{"core", "nodes", "delete get list patch update watch"},
                 {"core", "nodes/status", "patch update"},
                 {"core", "pods", "delete get list watch"},
                 {"core", "pods/status", "patch update"},
                 {"coordination.k8s.io", "leases", kRead},
                 kEvents});
  AddController(
      policy, "pod-garbage-collector",
      {{"core", "pods", "delete list watch"}, {"core", "nodes", "get list watch"}, {"core", "pods/status", "patch"}});
  AddController(policy, "clusterrole-aggregation-controller",
                {{"rbac.authorization.k8s.io", "clusterroles", "escalate get list patch update watch"}});
  AddController(policy, "ttl-after-finished-controller", {{"batch", "jobs", "delete get list watch"}, kEvents});
  AddController(policy, "disruption-controller",
                {{"policy", "poddisruptionbudgets", kRead},
                 {"policy", "poddisruptionbudgets/status", "update"},
                 {"core", "pods replicationcontrollers", "get list watch"},
                 {"apps extensions", "deployments replicasets statefulsets", "get list watch"},
                 {"*", "*/scale", "get"},
                 kEvents});
}

}  // namespace

void AddControllerRoles(DefaultPolicy& policy) {
  AddWorkloadControllers(policy);
  AddServiceControllers(policy);
  AddClusterControllers(policy);
}

}  // namespace sampan::apiserver::auth
