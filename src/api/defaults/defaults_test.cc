#include "api/defaults/defaults.h"

#include <gtest/gtest.h>

namespace sampan::api {
namespace {

json::Value J(std::string_view text) {
  return boost::json::parse(text);
}

struct Case {
  const char* name;
  const char* api_version;
  const char* kind;
  const char* path;  // what to compare, '/'-separated
  const char* object;
  const char* want;
};

#define POD(spec) R"({"spec":)" spec "}"

const Case kCases[] = {
    {"pod", "v1", "Pod", "spec", POD(R"({"containers":[]})"),
     R"({"containers":[],"dnsPolicy":"ClusterFirst","enableServiceLinks":true,"restartPolicy":"Always",
         "schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30})"},
    {"what is set stays", "v1", "Pod", "spec",
     POD(R"({"containers":[],"dnsPolicy":"None","enableServiceLinks":false,"restartPolicy":"Never",
             "schedulerName":"x","securityContext":{"runAsUser":1},"terminationGracePeriodSeconds":0})"),
     R"({"containers":[],"dnsPolicy":"None","enableServiceLinks":false,"restartPolicy":"Never",
         "schedulerName":"x","securityContext":{"runAsUser":1},"terminationGracePeriodSeconds":0})"},
    {"an empty string is unset", "v1", "Pod", "spec/restartPolicy", POD(R"({"restartPolicy":""})"), R"("Always")"},
    {"container", "v1", "Pod", "spec/containers/0", POD(R"({"containers":[{"name":"c","image":"nginx"}]})"),
     R"({"name":"c","image":"nginx","imagePullPolicy":"Always","resources":{},
         "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"})"},
    {"a tagged image", "v1", "Pod", "spec/containers/0/imagePullPolicy", POD(R"({"containers":[{"image":"nginx:1.2"}]})"),
     R"("IfNotPresent")"},
    {"the latest tag", "v1", "Pod", "spec/containers/0/imagePullPolicy",
     POD(R"({"containers":[{"image":"h:5000/nginx:latest"}]})"), R"("Always")"},
    {"a port is no tag", "v1", "Pod", "spec/containers/0/imagePullPolicy",
     POD(R"({"containers":[{"image":"h:5000/nginx"}]})"), R"("Always")"},
    {"a digest", "v1", "Pod", "spec/containers/0/imagePullPolicy", POD(R"({"containers":[{"image":"nginx@sha256:ab"}]})"),
     R"("IfNotPresent")"},
    {"limits are requested", "v1", "Pod", "spec/containers/0/resources",
     POD(R"({"containers":[{"resources":{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"500m"}}}]})"),
     R"({"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"500m","memory":"1Gi"}})"},
    {"probe", "v1", "Pod", "spec/containers/0/livenessProbe",
     POD(R"({"containers":[{"livenessProbe":{"httpGet":{"port":80},"periodSeconds":0}}]})"),
     R"({"httpGet":{"port":80,"path":"/","scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,
         "failureThreshold":3})"},
    {"ports", "v1", "Pod", "spec/containers/0/ports", POD(R"({"containers":[{"ports":[{"containerPort":80}]}]})"),
     R"([{"containerPort":80,"protocol":"TCP"}])"},
    {"ports on the host's network", "v1", "Pod", "spec/containers/0/ports",
     POD(R"({"hostNetwork":true,"containers":[{"ports":[{"containerPort":80}]}]})"),
     R"([{"containerPort":80,"hostPort":80,"protocol":"TCP"}])"},
    {"volumes", "v1", "Pod", "spec/volumes",
     POD(R"({"volumes":[{"name":"a"},{"name":"b","configMap":{"name":"m"}},{"name":"c","secret":{}},{"name":"d",
             "hostPath":{"path":"/x"}},{"name":"e","projected":{"sources":[{"serviceAccountToken":{"path":"t"}}]}}]})"),
     R"([{"name":"a","emptyDir":{}},{"name":"b","configMap":{"name":"m","defaultMode":420}},
         {"name":"c","secret":{"defaultMode":420}},{"name":"d","hostPath":{"path":"/x","type":""}},
         {"name":"e","projected":{"defaultMode":420,"sources":[{"serviceAccountToken":{"path":"t","expirationSeconds":3600}}]}}])"},
    {"fields of the environment", "v1", "Pod", "spec/containers/0/env",
     POD(R"({"containers":[{"env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},
             {"name":"B","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu"}}}]}]})"),
     R"([{"name":"A","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.name"}}},
         {"name":"B","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu","divisor":"0"}}}])"},
    {"the old name of the service account", "v1", "Pod", "spec/serviceAccountName", POD(R"({"serviceAccount":"x"})"),
     R"("x")"},
    {"service", "v1", "Service", "spec", R"({"spec":{"ports":[{"port":80}]}})",
     R"({"ports":[{"port":80,"protocol":"TCP","targetPort":80}],"sessionAffinity":"None","type":"ClusterIP",
         "internalTrafficPolicy":"Cluster"})"},
    {"node port service", "v1", "Service", "spec/externalTrafficPolicy", R"({"spec":{"type":"NodePort"}})", R"("Cluster")"},
    {"service with affinity", "v1", "Service", "spec/sessionAffinityConfig", R"({"spec":{"sessionAffinity":"ClientIP"}})",
     R"({"clientIP":{"timeoutSeconds":10800}})"},
    {"deployment", "apps/v1", "Deployment", "spec", R"({"spec":{}})",
     R"({"replicas":1,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}},
         "revisionHistoryLimit":10,"progressDeadlineSeconds":600})"},
    {"no replicas", "apps/v1", "Deployment", "spec/replicas", R"({"spec":{"replicas":0}})", "0"},
    {"recreate has no parameters", "apps/v1", "Deployment", "spec/strategy", R"({"spec":{"strategy":{"type":"Recreate"}}})",
     R"({"type":"Recreate"})"},
    {"a template has no service links of its own", "apps/v1", "ReplicaSet", "spec/template/spec",
     R"({"spec":{"template":{"spec":{"containers":[]}}}})",
     R"({"containers":[],"dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler",
         "securityContext":{},"terminationGracePeriodSeconds":30})"},
    {"secret", "v1", "Secret", "type", R"({"type":""})", R"("Opaque")"},
    {"plain text of a secret is stored as bytes", "v1", "Secret", "",
     R"({"stringData":{"a":"x","b":"y"},"data":{"a":"AAAA"}})", R"({"data":{"a":"eA==","b":"eQ=="},"type":"Opaque"})"},
    {"namespace", "v1", "Namespace", "metadata/labels", R"({"metadata":{"name":"n"}})",
     R"({"kubernetes.io/metadata.name":"n"})"},
    {"node", "v1", "Node", "status/allocatable", R"({"status":{"capacity":{"cpu":"1"}}})", R"({"cpu":"1"})"},
    {"role binding", "rbac.authorization.k8s.io/v1", "RoleBinding", "",
     R"({"roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"},{"kind":"ServiceAccount","name":"s"}]})",
     R"({"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},
         "subjects":[{"kind":"User","name":"u","apiGroup":"rbac.authorization.k8s.io"},{"kind":"ServiceAccount","name":"s"}]})"},
    {"endpoint slice", "discovery.k8s.io/v1", "EndpointSlice", "ports", R"({"ports":[{"port":80}]})",
     R"([{"name":"","protocol":"TCP","port":80}])"},
    {"wrong types are left alone", "v1", "Pod", "spec", R"({"spec":[1]})", "[1]"},
};

const json::Value* At(const json::Value& root, std::string_view path) {
  const json::Value* at = &root;
  while (!path.empty() && at != nullptr) {
    std::string_view step = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), step.size() + 1));
    at = at->is_array() ? at->get_array().if_contains(static_cast<size_t>(step[0] - '0')) : json::Find(*at, step);
  }
  return at;
}

TEST(Defaults, Cases) {
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const KindInfo* kind = FindKind(c.api_version, c.kind);
    ASSERT_NE(kind, nullptr);
    json::Value object = J(c.object);
    ApplyDefaults(*kind, object);
    const json::Value* got = At(object, c.path);
    ASSERT_NE(got, nullptr);
    EXPECT_TRUE(json::Equal(*got, J(c.want))) << json::Serialize(*got);
    json::Value again = object;
    ApplyDefaults(*kind, again);
    EXPECT_TRUE(json::Equal(object, again)) << "not idempotent";
  }
}

}  // namespace
}  // namespace sampan::api
