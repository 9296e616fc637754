#include "apiserver/auth/pod_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "api/schema.h"

namespace sampan::apiserver::auth {
namespace {

enum class Names : unsigned char {
  kByValue,     // the field's value is the name
  kByPresence,  // the field's presence uses an object: of a name that is not said, or derived from others
};

struct NamingField {
  std::string_view type, field;
  std::string_view resource;
  Names names = Names::kByValue;
};

// What a LocalObjectReference names in a pod is always a secret.
constexpr NamingField kNamingFields[] = {
    {"LocalObjectReference", "name", "secrets"},
    {"SecretKeySelector", "name", "secrets"},
    {"SecretEnvSource", "name", "secrets"},
    {"SecretProjection", "name", "secrets"},
    {"SecretVolumeSource", "secretName", "secrets"},
    {"AzureFileVolumeSource", "secretName", "secrets"},
    {"ConfigMapKeySelector", "name", "configmaps"},
    {"ConfigMapEnvSource", "name", "configmaps"},
    {"ConfigMapProjection", "name", "configmaps"},
    {"ConfigMapVolumeSource", "name", "configmaps"},
    {"PersistentVolumeClaimVolumeSource", "claimName", "persistentvolumeclaims"},
    {"Volume", "ephemeral", "persistentvolumeclaims", Names::kByPresence},
    {"PodSpec", "serviceAccountName", "serviceaccounts"},
    {"PodSpec", "serviceAccount", "serviceaccounts"},
    {"VolumeProjection", "serviceAccountToken", "serviceaccounts", Names::kByPresence},
    {"VolumeProjection", "clusterTrustBundle", "clustertrustbundles", Names::kByPresence},
    {"VolumeProjection", "podCertificate", "podcertificaterequests", Names::kByPresence},
    {"PodResourceClaim", "resourceClaimName", "resourceclaims"},
    {"PodResourceClaim", "resourceClaimTemplateName", "resourceclaimtemplates"},
    {"GlusterfsVolumeSource", "endpoints", "endpoints"},
    {"PodSchedulingGroup", "podGroupName", "podgroups"},
};

const NamingField* FindNamingField(std::string_view type, std::string_view field) {
  constexpr std::string_view kPackage = "io.k8s.api.core.v1.";
  if (!type.starts_with(kPackage)) return nullptr;
  type.remove_prefix(kPackage.size());
  const NamingField* found =
      std::ranges::find_if(kNamingFields, [&](const NamingField& row) { return row.type == type && row.field == field; });
  return found == std::end(kNamingFields) ? nullptr : found;
}

// The fields below a type that lead to names, and no others.
struct Places {
  struct Step {
    std::string_view field;
    const NamingField* naming = nullptr;  // or
    const Places* below = nullptr;
  };
  std::vector<Step> steps;
};

class PlacesOfTypes {
 public:
  const Places* Of(const api::Type& type) {
    auto [entry, added] = known_.try_emplace(&type);
    if (!added) return entry->second.get();  // of a type within itself: null, for what it holds is found already
    auto places = std::make_unique<Places>();
    for (const api::Field& field : type.fields) {
      if (const NamingField* naming = FindNamingField(type.name, field.name)) {
        places->steps.push_back({field.name, naming, nullptr});
        continue;
      }
      const api::Type* element = field.type;
      while (element->element != nullptr && !element->IsObject()) element = element->element;
      const Places* below = element->IsObject() ? Of(*element) : nullptr;
      if (below != nullptr && !below->steps.empty()) places->steps.push_back({field.name, nullptr, below});
    }
    return (known_[&type] = std::move(places)).get();
  }

 private:
  std::map<const api::Type*, std::unique_ptr<Places>> known_;
};

struct PlacesOfPods {
  PlacesOfTypes types;
  const Places* spec = types.Of(*api::FindType("io.k8s.api.core.v1.PodSpec"));
};

class Collector {
 public:
  explicit Collector(std::string_view pod) : pod_(pod) {}

  void Visit(const json::Value& value, const Places& places) {
    if (value.is_array()) {
      for (const json::Value& element : value.get_array()) Visit(element, places);
    }
    if (!value.is_object()) return;
    for (const Places::Step& step : places.steps) {
      const json::Value* field = json::Find(value, step.field);
      if (field == nullptr || field->is_null()) continue;
      if (step.naming == nullptr) {
        Visit(*field, *step.below);
      } else {
        Add(*step.naming, value, *field);
      }
    }
  }

  std::vector<PodReference> Take() { return std::move(found_); }

 private:
  void Add(const NamingField& naming, const json::Value& holder, const json::Value& field) {
    std::string name(json::FindString(&field));
    if (naming.names == Names::kByValue && name.empty()) return;
    if (naming.field == "ephemeral") name = fmt::format("{}-{}", pod_, json::FindString(json::Find(holder, "name")));
    found_.push_back({naming.resource, std::move(name)});
  }

  const std::string_view pod_;
  std::vector<PodReference> found_;
};

}  // namespace

std::vector<PodReference> ReferencesOf(const json::Value& pod) {
  const json::Value* spec = json::Find(pod, "spec");
  if (spec == nullptr) return {};
  static const PlacesOfPods places;
  Collector collector(json::FindString(json::Find(pod, "metadata", "name")));
  collector.Visit(*spec, *places.spec);
  return collector.Take();
}

}  // namespace sampan::apiserver::auth
