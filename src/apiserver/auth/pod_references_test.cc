#include "apiserver/auth/pod_references.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "api/schema.h"

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kPodSpec = "io.k8s.api.core.v1.PodSpec";

const api::Type& ElementOf(const api::Type& type) {
  const api::Type* element = &type;
  while (element->element != nullptr && !element->IsObject()) element = element->element;
  return *element;
}

// A field somewhere in a pod's spec, with a document in which it alone is set.
struct Place {
  std::string path;  // "volumes.secret.secretName"
  const api::Type* holder = nullptr;
  const api::Field* field = nullptr;
  json::Value spec;
};

json::Value Wrapped(const api::Field& field, json::Value value) {
  for (const api::Type* type = field.type; type->element != nullptr && !type->IsObject(); type = type->element) {
    if (type->kind == api::TypeKind::kList) {
      value = json::Array{std::move(value)};
    } else {
      value = json::Object{{"key", std::move(value)}};
    }
  }
  return value;
}

// Every field that the schema has below a type, by depth. `wrap` puts the field's holder into a whole spec.
using Wrap = std::function<json::Value(json::Value)>;
void Walk(const api::Type& type, const std::string& path, const Wrap& wrap, std::vector<const api::Type*> above,
          std::vector<Place>& places) {
  if (std::ranges::find(above, &type) != above.end()) return;
  above.push_back(&type);
  for (const api::Field& field : type.fields) {
    const api::Type& element = ElementOf(*field.type);
    std::string name(field.name);
    std::string here = path.empty() ? name : path + "." + name;
    auto in_holder = [&field, &wrap](json::Value value) {
      return wrap(json::Object{{field.name, Wrapped(field, std::move(value))}});
    };
    json::Value set = element.IsObject() ? json::Value(json::Object()) : json::Value("named");
    places.push_back({here, &type, &field, in_holder(std::move(set))});
    if (element.IsObject()) Walk(element, here, in_holder, above, places);
  }
}

std::vector<Place> PlacesOfPods() {
  std::vector<Place> places;
  Walk(*api::FindType(kPodSpec), "", [](json::Value value) { return value; }, {}, places);
  return places;
}

std::vector<PodReference> References(const json::Value& spec) {
  return ReferencesOf(json::Object{{"metadata", json::Object{{"name", "p"}}}, {"spec", spec}});
}

bool MayName(const Place& place) {
  std::string name(place.field->name);
  for (char& c : name) c = static_cast<char>(std::tolower(c));
  for (std::string_view word :
       {"secret", "configmap", "claim", "account", "bundle", "certificate", "endpoints", "groupname"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return name.ends_with("ref") || name.ends_with("reference");
}

// Fields whose names sound like a reference and that name no object of the API.
const std::set<std::string, std::less<>> kHarmless = {
    "preference",                    // of nodes
    "automountServiceAccountToken",  // a wish
    "fieldRef",
    "resourceFieldRef",      // of the pod itself
    "fileKeyRef",            // of one of its volumes
    "reference",             // of an image
    "secretFile",            // on the host
    "claims",                // of containers: among the pod's own, which count
    "resourceClaims",        // holds what counts
    "certificateChainPath",  // of a file
    "secretRef",
    "secretKeyRef",
    "configMapRef",
    "configMapKeyRef",
    "nodePublishSecretRef",
    "imagePullSecrets",
    "secret",
    "configMap",
    "persistentVolumeClaim",  // hold a name, which counts
    "gmsaCredentialSpecName",
};

TEST(ReferencesOf, FindsEveryFieldOfTheSchemaThatNamesAnObject) {
  std::set<std::string> found;
  for (const Place& place : PlacesOfPods()) {
    if (!References(place.spec).empty()) {
      found.insert(place.path);
      continue;
    }
    // Below a part that counts as a whole nothing counts on its own.
    if (place.path.starts_with("volumes.ephemeral.")) continue;
    EXPECT_TRUE(!MayName(place) || kHarmless.contains(place.field->name))
        << place.path << " of " << place.holder->name << " may name an object: to be known, or to be harmless";
  }
  for (std::string_view containers : {"containers", "initContainers", "ephemeralContainers"}) {
    for (std::string_view rest : {"env.valueFrom.secretKeyRef.name", "env.valueFrom.configMapKeyRef.name",
                                  "envFrom.secretRef.name", "envFrom.configMapRef.name"}) {
      EXPECT_TRUE(found.contains(fmt::format("{}.{}", containers, rest))) << containers << "." << rest;
    }
  }
  EXPECT_GE(found.size(), 35u);
}

// The parts of a pod by which it takes in others' data. A new one is to be thought about here, and in the table of names.
TEST(ReferencesOf, KnowsEverySourceOfTheSchema) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"Volume",
       "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir ephemeral fc flexVolume "
       "flocker gcePersistentDisk gitRepo glusterfs hostPath image iscsi name nfs persistentVolumeClaim "
       "photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume"},
      {"VolumeProjection", "clusterTrustBundle configMap downwardAPI podCertificate secret serviceAccountToken"},
      {"EnvVarSource", "configMapKeyRef fieldRef fileKeyRef resourceFieldRef secretKeyRef"},
      {"EnvFromSource", "configMapRef prefix secretRef"},
      {"PodResourceClaim", "name resourceClaimName resourceClaimTemplateName"},
      {"PodSpec",
       "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks "
       "ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride imagePullSecrets "
       "initContainers nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates "
       "resourceClaims resources restartPolicy runtimeClassName schedulerName schedulingGates schedulingGroup "
       "securityContext serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain "
       "terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes"},
  };
  for (const auto& [type, fields] : cases) {
    std::string has;
    for (const api::Field& field : api::FindType(fmt::format("io.k8s.api.core.v1.{}", type))->fields) {
      has.append(has.empty() ? "" : " ").append(field.name);
    }
    EXPECT_EQ(has, fields) << type;
  }
}

TEST(ReferencesOf, SaysWhatIsNamed) {
  struct Case {
    std::string_view spec, resource, name;
  };
  const Case cases[] = {
      {R"({"volumes":[{"name":"v","secret":{"secretName":"s"}}]})", "secrets", "s"},
      {R"({"volumes":[{"name":"v","azureFile":{"secretName":"s"}}]})", "secrets", "s"},
      {R"({"volumes":[{"name":"v","rbd":{"secretRef":{"name":"s"}}}]})", "secrets", "s"},
      {R"({"volumes":[{"name":"v","csi":{"nodePublishSecretRef":{"name":"s"}}}]})", "secrets", "s"},
      {R"({"imagePullSecrets":[{"name":"s"}]})", "secrets", "s"},
      {R"({"ephemeralContainers":[{"env":[{"valueFrom":{"secretKeyRef":{"name":"s"}}}]}]})", "secrets", "s"},
      {R"({"volumes":[{"name":"v","projected":{"sources":[{"configMap":{"name":"s"}}]}}]})", "configmaps", "s"},
      {R"({"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"s"}}]})", "persistentvolumeclaims", "s"},
      {R"({"volumes":[{"name":"v","ephemeral":{}}]})", "persistentvolumeclaims", "p-v"},
      {R"({"volumes":[{"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"t"}}]}}]})", "serviceaccounts",
       ""},
      {R"({"volumes":[{"name":"v","projected":{"sources":[{"clusterTrustBundle":{"name":"s"}}]}}]})", "clustertrustbundles",
       ""},
      {R"({"serviceAccountName":"s"})", "serviceaccounts", "s"},
      {R"({"serviceAccount":"s"})", "serviceaccounts", "s"},
      {R"({"resourceClaims":[{"name":"c","resourceClaimName":"s"}]})", "resourceclaims", "s"},
  };
  for (const Case& c : cases) {
    std::vector<PodReference> expected = {{c.resource, std::string(c.name)}};
    EXPECT_EQ(References(*json::Parse(c.spec)), expected) << c.spec;
  }
  EXPECT_TRUE(References(*json::Parse(R"({"volumes":[{"name":"v","emptyDir":{}},null,7],"imagePullSecrets":[{}],)"
                                      R"("containers":[{"name":"c","env":[{"name":"A","value":"b"}]}]})"))
                  .empty());
  EXPECT_TRUE(ReferencesOf(json::Value()).empty());
}

}  // namespace
}  // namespace sampan::apiserver::auth
