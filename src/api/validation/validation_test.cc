#include "api/validation/validation.h"

#include <gtest/gtest.h>

#include "api/defaults/defaults.h"

namespace sampan::api {
namespace {

json::Value J(std::string_view text) {
  return boost::json::parse(text);
}

std::string Faults(const Causes& causes) {
  std::string text;
  for (const ErrorCause& cause : causes.list()) text += fmt::format("{}: {}\n", cause.field, cause.message);
  return text;
}

// A pod's spec with one good container, changed by a merge of `spec`.
json::Value PodOf(std::string_view spec) {
  json::Value pod = J(R"({"metadata":{"name":"p","namespace":"n"},"spec":{}})");
  pod.at("spec") = J(spec);
  if (!pod.at("spec").get_object().contains("containers")) {
    pod.at("spec").get_object()["containers"] = J(R"([{"name":"c","image":"i"}])");
  }
  return pod;
}

json::Value PodWith(std::string_view container) {
  json::Value pod = PodOf("{}");
  json::Object& base = pod.at("spec").at("containers").at(0).get_object();
  for (const auto& member : J(container).get_object()) base[member.key()] = member.value();
  return pod;
}

void Expect(std::string_view api_version, std::string_view kind_name, json::Value object, std::string_view want) {
  const KindInfo* kind = FindKind(api_version, kind_name);
  ASSERT_NE(kind, nullptr) << kind_name;
  ApplyDefaults(*kind, object);
  Causes causes;
  Validate(*kind, object, causes);
  std::string got = Faults(causes);
  if (want.empty()) {
    EXPECT_EQ(got, "") << json::Serialize(object);
  } else {
    EXPECT_NE(("\n" + got).find("\n" + std::string(want)), std::string::npos)
        << "want: " << want << "\ngot: " << got << json::Serialize(object);
  }
}

struct Fact {
  const char* object;
  const char* want;  // the start of one fault; empty: valid
};

TEST(Validation, Containers) {
  static const Fact kFacts[] = {
      {"{}", ""},
      {R"({"name":""})", "spec.containers[0].name: Required value"},
      {R"({"name":"A_b"})",
       "spec.containers[0].name: Invalid value: \"A_b\": a lowercase RFC 1123 label must consist of lower case alphanumeric "
       "characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
       "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"},
      {R"({"image":""})", "spec.containers[0].image: Required value"},
      {R"({"image":" x"})", "spec.containers[0].image: Invalid value: \" x\": must not have leading or trailing whitespace"},
      {R"({"imagePullPolicy":"Sometimes"})",
       "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", "
       "\"IfNotPresent\", "
       "\"Never\""},
      {R"({"ports":[{"containerPort":0}]})", "spec.containers[0].ports[0].containerPort: Required value"},
      {R"({"ports":[{"containerPort":70000}]})",
       "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"},
      {R"({"ports":[{"containerPort":80,"name":"a"},{"containerPort":81,"name":"a"}]})",
       "spec.containers[0].ports[1].name: Duplicate value: \"a\""},
      {R"({"ports":[{"containerPort":80,"protocol":"X"}]})",
       "spec.containers[0].ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\""},
      {R"({"ports":[{"containerPort":80,"hostPort":80},{"containerPort":81,"hostPort":80}]})",
       "spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//80\""},
      {R"({"env":[{"value":"x"}]})", "spec.containers[0].env[0].name: Required value"},
      {R"({"env":[{"name":"a=b"}]})",
       "spec.containers[0].env[0].name: Invalid value: \"a=b\": a valid environment variable"},
      {R"({"env":[{"name":"A","valueFrom":{}}]})",
       "spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one"},
      {R"({"env":[{"name":"A","value":"x","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]})",
       "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty"},
      {R"({"env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}}]})", ""},
      {R"({"env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['app']"}}}]})", ""},
      {R"({"env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"spec.zap"}}}]})",
       "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.zap\": error converting fieldPath: "
       "field "
       "label not supported: spec.zap"},
      {R"({"env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s"}}}]})",
       "spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required value"},
      {R"({"envFrom":[{}]})", "spec.containers[0].envFrom: Invalid value: \"\": must specify one of: `configMapRef`"},
      {R"({"volumeMounts":[{"name":"v","mountPath":"/x"}]})", "spec.containers[0].volumeMounts[0].name: Not found: \"v\""},
      {R"({"livenessProbe":{}})", "spec.containers[0].livenessProbe: Required value: must specify a handler type"},
      {R"({"livenessProbe":{"exec":{"command":["a"]},"tcpSocket":{"port":1}}})",
       "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"},
      {R"({"livenessProbe":{"tcpSocket":{"port":1},"successThreshold":2}})",
       "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"},
      {R"({"readinessProbe":{"httpGet":{"port":"web"},"successThreshold":2}})", ""},
      {R"({"resources":{"requests":{"cpu":"2"},"limits":{"cpu":"1"}}})",
       "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"},
      {R"({"resources":{"requests":{"cpu":"-1"}}})",
       "spec.containers[0].resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"},
      {R"({"resources":{"limits":{"foo":"1"}}})",
       "spec.containers[0].resources.limits[foo]: Invalid value: \"foo\": must be a standard resource"},
      {R"({"resources":{"limits":{"example.com/gpu":"1"}}})", ""},
      {R"({"securityContext":{"privileged":true,"allowPrivilegeEscalation":false}})",
       "spec.containers[0].securityContext: Invalid value: {\"privileged\":true,\"allowPrivilegeEscalation\":false}: cannot "
       "set"},
  };
  for (const Fact& fact : kFacts) Expect("v1", "Pod", PodWith(fact.object), fact.want);
}

TEST(Validation, Pods) {
  static const Fact kFacts[] = {
      {R"({"containers":[]})", "spec.containers: Required value"},
      {R"({"containers":[{"name":"a","image":"i"},{"name":"a","image":"i"}]})",
       "spec.containers[1].name: Duplicate value: \"a\""},
      {R"({"restartPolicy":"x"})",
       "spec.restartPolicy: Unsupported value: \"x\": supported values: \"Always\", \"OnFailure\", \"Never\""},
      {R"({"dnsPolicy":"x"})", "spec.dnsPolicy: Unsupported value: \"x\""},
      {R"({"dnsPolicy":"None"})", "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"},
      {R"({"volumes":[{"name":"v","emptyDir":{},"hostPath":{"path":"/x"}}]})",
       "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"},
      {R"({"volumes":[{"emptyDir":{}}]})", "spec.volumes[0].name: Required value"},
      {R"({"volumes":[{"name":"v"},{"name":"v"}]})", "spec.volumes[1].name: Duplicate value: \"v\""},
      {R"({"volumes":[{"name":"v","configMap":{}}]})", "spec.volumes[0].configMap.name: Required value"},
      {R"({"volumes":[{"name":"v","secret":{}}]})", "spec.volumes[0].secret.secretName: Required value"},
      {R"({"volumes":[{"name":"v","hostPath":{"path":"/a/../b"}}]})",
       "spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"},
      {R"({"volumes":[{"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"t","expirationSeconds":1}}]}}]})",
       "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: may not specify a "
       "duration less than "
       "10"},
      {R"({"volumes":[{"name":"v","downwardAPI":{"items":[{"path":"l","fieldRef":{"fieldPath":"metadata.labels"}}]}}]})",
       ""},
      {R"({"nodeSelector":{"a b":"c"}})", "spec.nodeSelector: Invalid value: \"a b\": name part must consist of"},
      {R"({"tolerations":[{"operator":"Equal"}]})",
       "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be"},
      {R"({"tolerations":[{"operator":"Exists"}]})", ""},
      {R"({"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}}})",
       "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must "
       "have"},
      {R"({"initContainers":[{"name":"i","image":"i","livenessProbe":{"tcpSocket":{"port":1}}}]})",
       "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always"},
      {R"({"initContainers":[{"name":"i","image":"i","restartPolicy":"Always","livenessProbe":{"tcpSocket":{"port":1}}}]})",
       ""},
      {R"({"initContainers":[{"name":"c","image":"i"}]})", "spec.initContainers[0].name: Duplicate value: \"c\""},
      {R"({"hostPID":true,"shareProcessNamespace":true})",
       "spec.securityContext.shareProcessNamespace: Invalid value: true: "},
      {R"({"activeDeadlineSeconds":0})", "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647"},
      {R"({"hostname":"A"})", "spec.hostname: Invalid value: \"A\": a lowercase RFC 1123 label"},
  };
  for (const Fact& fact : kFacts) Expect("v1", "Pod", PodOf(fact.object), fact.want);
}

TEST(Validation, WhatConfinesAPodAndItsContainers) {
  static const Fact kProfiles[] = {
      {R"({"seccompProfile":{"type":"RuntimeDefault"},"appArmorProfile":{"type":"Unconfined"}})", ""},
      {R"({"seccompProfile":{"type":"Localhost","localhostProfile":"a/b.json"}})", ""},
      {R"({"seccompProfile":{"type":"x"}})", "seccompProfile.type: Unsupported value: \"x\""},
      {R"({"seccompProfile":{"type":"Localhost"}})", "seccompProfile.localhostProfile: Required value: must be set when"},
      {R"({"seccompProfile":{"type":"Localhost","localhostProfile":"/etc/x"}})",
       "seccompProfile.localhostProfile: Invalid value: \"/etc/x\": must be a relative path"},
      {R"({"seccompProfile":{"type":"Localhost","localhostProfile":"a/../../x"}})",
       "seccompProfile.localhostProfile: Invalid value: \"a/../../x\": must not contain '..'"},
      {R"({"seccompProfile":{"type":"Unconfined","localhostProfile":"x"}})",
       "seccompProfile.localhostProfile: Invalid value: \"x\": can only be set when seccomp type is Localhost"},
      {R"({"appArmorProfile":{"type":"Localhost","localhostProfile":"a"}})", ""},
      {R"({"appArmorProfile":{}})", "appArmorProfile.type: Required value: type is required when"},
      {R"({"appArmorProfile":{"type":"x"}})", "appArmorProfile.type: Unsupported value: \"x\""},
      {R"({"appArmorProfile":{"type":"Localhost"}})", "appArmorProfile.localhostProfile: Required value: must be set when"},
      {R"({"appArmorProfile":{"type":"Localhost","localhostProfile":" a"}})",
       "appArmorProfile.localhostProfile: Invalid value: \" a\": must not be padded with whitespace"},
      {R"({"appArmorProfile":{"type":"RuntimeDefault","localhostProfile":"a"}})",
       "appArmorProfile.localhostProfile: Invalid value: \"a\": can only be set when AppArmor type is Localhost"},
      {R"({"runAsUser":-1})", "runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"},
  };
  constexpr std::string_view kContainers = R"([{"name":"c","image":"i"}])";
  for (const Fact& fact : kProfiles) {
    auto want = [&](std::string_view place) { return *fact.want == 0 ? "" : fmt::format("spec.{}{}", place, fact.want); };
    Expect("v1", "Pod", PodOf(fmt::format(R"({{"securityContext":{}}})", fact.object)), want("securityContext."));
    for (std::string_view list : {"containers", "initContainers", "ephemeralContainers"}) {
      std::string other = list == "containers" ? "" : fmt::format(R"(,"containers":{})", kContainers);
      std::string one = fmt::format(R"({{"name":"x","image":"i","securityContext":{}}})", fact.object);
      Expect("v1", "Pod", PodOf(fmt::format(R"({{"{}":[{}]{}}})", list, one, other)),
             want(fmt::format("{}[0].securityContext.", list)));
    }
  }
  Expect("v1", "Pod", PodOf(R"({"securityContext":{"supplementalGroupsPolicy":"x"}})"),
         "spec.securityContext.supplementalGroupsPolicy: Unsupported value: \"x\"");
  constexpr std::string_view kUnmasked =
      R"("containers":[{"name":"c","image":"i","securityContext":{"procMount":"Unmasked"}}])";
  Expect("v1", "Pod", PodOf(fmt::format("{{{}}}", kUnmasked)),
         "spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false");
  Expect("v1", "Pod", PodOf(fmt::format(R"({{{},"hostUsers":false}})", kUnmasked)), "");
}

TEST(Validation, Metadata) {
  static const Fact kFacts[] = {
      {R"({"namespace":"n"})", "metadata.name: Required value: name or generateName is required"},
      {R"({"name":"A_b","namespace":"n"})", "metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must"},
      {R"({"name":"a"})", "metadata.namespace: Required value"},
      {R"({"name":"a","generateName":"B-","namespace":"n"})", "metadata.generateName: Invalid value: \"B-\": "},
      {R"({"name":"a","generateName":"b-","namespace":"n"})", ""},
      {R"({"name":"a","namespace":"n","labels":{"x":"a b"}})",
       "metadata.labels: Invalid value: \"a b\": a valid label must be"},
      {R"({"name":"a","namespace":"n","labels":{"/x":"a"}})", "metadata.labels: Invalid value: \"/x\": prefix part must be"},
      {R"({"name":"a","namespace":"n","annotations":{"X.Y/z":"any thing"}})", ""},
      {R"({"name":"a","namespace":"n","annotations":{"x y":"z"}})",
       "metadata.annotations: Invalid value: \"x y\": name part"},
      {R"({"name":"a","namespace":"n","finalizers":["zap"]})",
       "metadata.finalizers[0]: Invalid value: \"zap\": name is neither a standard finalizer name nor is it fully "
       "qualified"},
      {R"({"name":"a","namespace":"n","finalizers":["example.com/zap"]})", ""},
      {R"({"name":"a","namespace":"n","ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p"}]})",
       "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty"},
  };
  for (const Fact& fact : kFacts) {
    json::Value object = J(R"({"metadata":{}})");
    object.at("metadata") = J(fact.object);
    Expect("v1", "ConfigMap", object, fact.want);
  }
  std::string big(256 * 1024, 'x');
  json::Value object = J(R"({"metadata":{"name":"a","namespace":"n","annotations":{}}})");
  object.at("metadata").at("annotations").get_object()["k"] = big;
  Expect("v1", "ConfigMap", object, "metadata.annotations: Too long: may not be more than 262144 bytes");
  Expect("v1", "Node", J(R"({"metadata":{"name":"a","namespace":"n"}})"),
         "metadata.namespace: Forbidden: not allowed on this type");
  Expect("v1", "Service", J(R"({"metadata":{"name":"1a","namespace":"n"},"spec":{"ports":[{"port":1}]}})"), "");
  Expect("v1", "Service", J(R"({"metadata":{"name":"a.b","namespace":"n"},"spec":{"ports":[{"port":1}]}})"),
         "metadata.name: Invalid value: \"a.b\": a lowercase RFC 1123 label must consist of");
  Expect("rbac.authorization.k8s.io/v1", "Role", J(R"({"metadata":{"name":"system:x","namespace":"n"}})"), "");
}

struct KindFact {
  const char* api_version;
  const char* kind;
  const char* body;  // without metadata
  const char* want;
};

TEST(Validation, Kinds) {
  constexpr const char* kRbac = "rbac.authorization.k8s.io/v1";
  static const KindFact kFacts[] = {
      {"v1", "Service", R"({"spec":{}})", "spec.ports: Required value"},
      {"v1", "Service", R"({"spec":{"clusterIP":"None"}})", ""},
      {"v1", "Service", R"({"spec":{"ports":[{"port":80},{"port":81}]}})", "spec.ports[0].name: Required value"},
      {"v1", "Service", R"({"spec":{"ports":[{"port":80,"name":"a"},{"port":80,"name":"b"}]}})",
       "spec.ports[1]: Duplicate value: {\"port\":80,\"protocol\":\"TCP\"}"},
      {"v1", "Service", R"({"spec":{"ports":[{"port":80,"nodePort":30000}]}})",
       "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"},
      {"v1", "Service", R"({"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":30000}]}})", ""},
      {"v1", "Service", R"({"spec":{"type":"X","ports":[{"port":80}]}})",
       "spec.type: Unsupported value: \"X\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", "
       "\"NodePort\""},
      {"v1", "Service", R"({"spec":{"type":"ExternalName"}})", "spec.externalName: Required value"},
      {"v1", "Service", R"({"spec":{"type":"ExternalName","externalName":"a.example.com"}})", ""},
      {"v1", "Service", R"({"spec":{"ports":[{"port":80}],"selector":{"a":"b c"}}})",
       "spec.selector: Invalid value: \"b c\""},
      {"v1", "Endpoints", R"({"subsets":[{}]})",
       "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"},
      {"v1", "Endpoints", R"({"subsets":[{"addresses":[{"ip":"127.0.0.1"}]}]})",
       "subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)"},
      {"v1", "Endpoints", R"({"subsets":[{"addresses":[{"ip":"::ffff:127.0.0.1"}]}]})",
       "subsets[0].addresses[0].ip: Invalid value: \"::ffff:127.0.0.1\": may not be in the loopback range"},
      {"v1", "Endpoints", R"({"subsets":[{"addresses":[{"ip":"0:0:0:0:0:0:0:0"}]}]})",
       "subsets[0].addresses[0].ip: Invalid value: \"0:0:0:0:0:0:0:0\": may not be unspecified"},
      {"v1", "Endpoints", R"({"subsets":[{"addresses":[{"ip":"FEBF::1"}]}]})",
       "subsets[0].addresses[0].ip: Invalid value: \"FEBF::1\": may not be in the link-local range"},
      {"v1", "Endpoints", R"({"subsets":[{"notReadyAddresses":[{"ip":"10.0.0.1\u0000"}]}]})",
       "subsets[0].notReadyAddresses[0].ip: Invalid value: "},
      {"discovery.k8s.io/v1", "EndpointSlice", R"({"addressType":"IPv6","endpoints":[{"addresses":["0:0:0:0:0:0:0:1"]}]})",
       "endpoints[0].addresses[0]: Invalid value: \"0:0:0:0:0:0:0:1\": may not be in the loopback range"},
      {"discovery.k8s.io/v1", "EndpointSlice", R"({"addressType":"IPv6","endpoints":[{"addresses":["::ffff:10.0.0.1"]}]})",
       "endpoints[0].addresses[0]: Invalid value: \"::ffff:10.0.0.1\": must be a valid IPv6 address"},
      {"v1", "Service", R"({"spec":{"ports":[{"port":80}],"externalIPs":["::ffff:127.0.0.1"]}})",
       "spec.externalIPs[0]: Invalid value: \"::ffff:127.0.0.1\": may not be in the loopback range"},
      {"v1", "Service", R"({"spec":{"ports":[{"port":80}],"externalIPs":["169.254.1.1"]}})",
       "spec.externalIPs[0]: Invalid value: \"169.254.1.1\": may not be in the link-local range"},
      {"discovery.k8s.io/v1", "EndpointSlice", R"({"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]}]})", ""},
      {"discovery.k8s.io/v1", "EndpointSlice", R"({"addressType":"IPv4","endpoints":[{"addresses":["::2"]}]})",
       "endpoints[0].addresses[0]: Invalid value: \"::2\": must be a valid IPv4 address"},
      {"v1", "ConfigMap", R"({"data":{"a/b":"x"}})",
       "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of"},
      {"v1", "ConfigMap", R"({"data":{"a":"x"},"binaryData":{"a":"eA=="}})",
       "data[a]: Invalid value: \"a\": duplicate of key present in binaryData"},
      {"v1", "Secret", R"({"type":"kubernetes.io/tls","data":{"tls.crt":"eA=="}})", "data[tls.key]: Required value"},
      {"v1", "Secret", R"({"type":"kubernetes.io/service-account-token"})",
       "metadata.annotations[kubernetes.io/service-account.name]: Required value"},
      {"coordination.k8s.io/v1", "Lease", R"({"spec":{"leaseDurationSeconds":0}})",
       "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"},
      {kRbac, "Role", R"({"rules":[{"apiGroups":[""],"resources":["pods"]}]})",
       "rules[0].verbs: Required value: verbs must contain at least one value"},
      {kRbac, "Role", R"({"rules":[{"verbs":["get"],"nonResourceURLs":["/x"]}]})",
       "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs"},
      {kRbac, "RoleBinding", R"({"roleRef":{"kind":"X","name":"r"}})",
       "roleRef.kind: Unsupported value: \"X\": supported values: \"Role\", \"ClusterRole\""},
      {kRbac, "RoleBinding", R"({"roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"}]})", ""},
  };
  for (const KindFact& fact : kFacts) {
    SCOPED_TRACE(fact.kind);
    json::Value object = J(fact.body);
    object.get_object()["metadata"] = J(R"({"name":"a","namespace":"n"})");
    Expect(fact.api_version, fact.kind, object, fact.want);
  }
}

json::Value Deployment(std::string_view changes) {
  json::Value object = J(R"({"metadata":{"name":"x","namespace":"n"},"spec":{"selector":{"matchLabels":{"app":"x"}},
      "template":{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  for (const auto& member : J(changes).get_object()) object.at("spec").get_object()[member.key()] = member.value();
  return object;
}

TEST(Validation, Deployments) {
  static const Fact kFacts[] = {
      {"{}", ""},
      {R"({"selector":null})", "spec.selector: Required value"},
      {R"({"selector":{}})", "spec.selector: Invalid value: {}: empty selector is invalid for deployment"},
      {R"({"selector":{"matchLabels":{"app":"y"}}})",
       "spec.template.metadata.labels: Invalid value: {\"app\":\"x\"}: `selector` does not match template `labels`"},
      {R"({"replicas":-1})", "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
      {R"({"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":0,"maxUnavailable":0}}})",
       "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"},
      {R"({"strategy":{"type":"Recreate","rollingUpdate":{}}})",
       "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"},
      {R"({"strategy":{"rollingUpdate":{"maxSurge":"x%"}}})",
       "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x%\": a valid percent string"},
      {R"({"progressDeadlineSeconds":5,"minReadySeconds":5})",
       "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"},
      {R"({"template":{"metadata":{"labels":{"app":"x"}},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}})",
       "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""},
      {R"({"template":{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"image":"i"}]}}})",
       "spec.template.spec.containers[0].name: Required value"},
  };
  for (const Fact& fact : kFacts) Expect("apps/v1", "Deployment", Deployment(fact.object), fact.want);
}

void ExpectUpdate(std::string_view api_version, std::string_view kind_name, json::Value old, std::string_view merge,
                  std::string_view want) {
  const KindInfo* kind = FindKind(api_version, kind_name);
  ASSERT_NE(kind, nullptr);
  ApplyDefaults(*kind, old);
  json::Value object = old;
  std::function<void(json::Value&, const json::Value&)> apply = [&](json::Value& to, const json::Value& from) {
    for (const auto& member : from.get_object()) {
      json::Value& value = to.get_object()[member.key()];
      if (member.value().is_object() && value.is_object()) {
        apply(value, member.value());
      } else {
        value = member.value();
      }
    }
  };
  apply(object, J(merge));
  Causes causes;
  ValidateUpdate(*kind, object, old, causes);
  std::string got = Faults(causes);
  if (want.empty()) {
    EXPECT_EQ(got, "");
  } else {
    EXPECT_NE(("\n" + got).find("\n" + std::string(want)), std::string::npos) << "want: " << want << "\ngot: " << got;
  }
}

TEST(Validation, Updates) {
  json::Value node = J(R"({"metadata":{"name":"a"},"spec":{"podCIDR":"10.0.0.0/24","podCIDRs":["10.0.0.0/24"]}})");
  constexpr std::string_view kMoved = "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from";
  ExpectUpdate("v1", "Node", node, R"({"spec":{"podCIDRs":["10.0.1.0/24"]}})", kMoved);
  ExpectUpdate("v1", "Node", node, R"({"spec":{"podCIDR":"10.0.1.0/24"}})", kMoved);
  ExpectUpdate("v1", "Node", node, R"({"metadata":{"labels":{"a":"b"}}})", "");
  ExpectUpdate("v1", "Pod", PodOf("{}"), R"({"metadata":{"labels":{"a":"b"}}})", "");
  ExpectUpdate("v1", "Pod", PodOf("{}"), R"({"metadata":{"name":"q"}})",
               "metadata.name: Invalid value: \"q\": field is immutable");
  ExpectUpdate("v1", "Pod", PodOf("{}"), R"({"spec":{"nodeName":"x"}})",
               "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`");
  ExpectUpdate("v1", "Pod", PodOf("{}"), R"({"spec":{"tolerations":[{"operator":"Exists"}]}})", "");
  ExpectUpdate("v1", "Pod", PodOf(R"({"tolerations":[{"operator":"Exists"}]})"), R"({"spec":{"tolerations":[]}})",
               "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds");
  json::Value pod = PodOf("{}");
  json::Value changed = PodOf("{}");
  const KindInfo* kind = FindKind("v1", "Pod");
  ApplyDefaults(*kind, pod);
  ApplyDefaults(*kind, changed);
  changed.at("spec").at("containers").at(0).get_object()["image"] = "other:1";
  Causes causes;
  ValidateUpdate(*kind, changed, pod, causes);
  EXPECT_TRUE(causes.empty()) << Faults(causes);
  ExpectUpdate("apps/v1", "Deployment", Deployment("{}"), R"({"spec":{"selector":{"matchLabels":{"app":"x","b":"c"}}}})",
               "spec.selector: Invalid value: ");
  ExpectUpdate("v1", "ConfigMap", J(R"({"metadata":{"name":"a","namespace":"n"},"immutable":true,"data":{"a":"b"}})"),
               R"({"data":{"a":"c"}})", "data: Forbidden: field is immutable when `immutable` is set");
  ExpectUpdate("v1", "Secret", J(R"({"metadata":{"name":"a","namespace":"n"}})"), R"({"type":"x"})",
               "type: Invalid value: \"x\": field is immutable");
  ExpectUpdate(
      "v1", "Service",
      J(R"({"metadata":{"name":"a","namespace":"n"},"spec":{"clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1"],"ports":[{"port":1}]}})"),
      R"({"spec":{"clusterIP":"10.0.0.2","clusterIPs":["10.0.0.2"]}})",
      "spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set");
  ExpectUpdate("rbac.authorization.k8s.io/v1", "ClusterRoleBinding",
               J(R"({"metadata":{"name":"a"},"roleRef":{"kind":"ClusterRole","name":"r"}})"), R"({"roleRef":{"name":"s"}})",
               "roleRef: Invalid value: ");
}

TEST(Causes, MessageAndDetails) {
  Causes one;
  one.Required(Path("spec"));
  Error error = std::move(one).ToError("", "Pod", "x");
  EXPECT_EQ(error.message(), "Pod \"x\" is invalid: spec: Required value");
  EXPECT_EQ(error.reason(), Reason::kInvalid);

  Causes two;
  Path spec("spec");
  two.Invalid(Path(spec, "replicas"), -1, "must be greater than or equal to 0");
  two.Forbidden(Path(Path(spec, "list"), size_t{2}), "no");
  two.Forbidden(Path(Path(spec, "list"), size_t{2}), "no");
  error = std::move(two).ToError("apps", "Deployment", "x");
  EXPECT_EQ(error.message(),
            "Deployment.apps \"x\" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, "
            "spec.list[2]: Forbidden: no]");
  ASSERT_NE(error.details(), nullptr);
  EXPECT_EQ(error.details()->causes.size(), 3u);
  EXPECT_EQ(error.details()->causes[0].type, "FieldValueInvalid");
  EXPECT_EQ(error.details()->causes[0].field, "spec.replicas");
}

TEST(Causes, ShowAsMuchAsAReaderReads) {
  json::Array owners;
  for (int i = 0; i < 20'000; ++i) {
    owners.push_back(json::Object{{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", "p"}, {"uid", "u"}, {"controller", true}});
  }
  json::Value object(
      json::Object{{"apiVersion", "v1"},
                   {"kind", "ConfigMap"},
                   {"metadata", json::Object{{"name", "x"}, {"namespace", "d"}, {"ownerReferences", owners}}}});
  Causes causes;
  Validate(*FindKind("v1", "ConfigMap"), object, causes);
  const Error error = std::move(causes).ToError("", "ConfigMap", "x");
  EXPECT_LT(error.message().size(), 1'000'000U);
  EXPECT_NE(error.message().find(" more]"), std::string::npos);
  // A long value is cut between two characters.
  const BadValue cut(std::string(3000, 'a') + "\u00e9");
  EXPECT_LT(cut.text.size(), 3000U);
  EXPECT_TRUE(cut.text.ends_with("..."));
  EXPECT_EQ(BadValue(json::Value(json::Array{1, "x", json::Object{{"a", nullptr}, {"b", true}}})).text,
            R"([1,"x",{"a":null,"b":true}])");
}

}  // namespace
}  // namespace sampan::api
