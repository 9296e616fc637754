#include "api/types/core.h"
#include "apiserver/admission/admission.h"
#include "apiserver/admission/mountable_secrets.h"
#include "apiserver/auth/pod_references.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/registry.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr std::string_view kVolumePrefix = "kube-api-access-";
// Long enough that a node agent that renews at 80% of an hour is never late; the issuer caps it.
constexpr int64_t kTokenSeconds = 3607;
constexpr std::string_view kDefaultAccount = "default";
constexpr std::string_view kEphemeral = "ephemeralcontainers";
constexpr int kWaits = 10;
constexpr Duration kWait = std::chrono::milliseconds(100);

json::Value TokenVolume(std::string_view name) {
  json::Array sources;
  sources.push_back(
      json::Object{{"serviceAccountToken", json::Object{{"expirationSeconds", kTokenSeconds}, {"path", "token"}}}});
  sources.push_back(json::Object{
      {"configMap", json::Object{{"name", "kube-root-ca.crt"},
                                 {"items", json::Array{json::Object{{"key", "ca.crt"}, {"path", "ca.crt"}}}}}}});
  json::Object field{{"path", "namespace"},
                     {"fieldRef", json::Object{{"apiVersion", "v1"}, {"fieldPath", "metadata.namespace"}}}};
  sources.push_back(json::Object{{"downwardAPI", json::Object{{"items", json::Array{std::move(field)}}}}});
  return json::Object{{"name", name}, {"projected", json::Object{{"sources", std::move(sources)}, {"defaultMode", 0644}}}};
}

bool HasMountAt(const json::Value& container, std::string_view path) {
  const json::Array* mounts = FindArray(json::Find(container, "volumeMounts"));
  if (mounts == nullptr) return false;
  return std::any_of(mounts->begin(), mounts->end(),
                     [&](const json::Value& mount) { return json::FindString(json::Find(mount, "mountPath")) == path; });
}

// Mounts `volume` in each container that has nothing of its own at the place; tells whether any needed it.
bool MountInContainers(json::Value& spec, std::string_view volume) {
  bool mounted = false;
  for (std::string_view list : {"initContainers", "containers"}) {
    json::Value* containers = spec.as_object().if_contains(list);
    if (containers == nullptr || !containers->is_array()) continue;
    for (json::Value& container : containers->as_array()) {
      if (!container.is_object() || HasMountAt(container, kMountPath)) continue;
      ArrayAt(container, "volumeMounts")
          .push_back(json::Object{{"name", volume}, {"readOnly", true}, {"mountPath", kMountPath}});
      mounted = true;
    }
  }
  return mounted;
}

// The account that the pod's spec names, or the default one.
std::string AccountName(const json::Value& spec) {
  std::string_view name = json::FindString(json::Find(spec, "serviceAccountName"));
  if (name.empty()) name = json::FindString(json::Find(spec, "serviceAccount"));
  return std::string(name.empty() ? kDefaultAccount : name);
}

class ServiceAccountAdmission final : public Admission {
 public:
  Phases Concerns(const WriteContext& context) const override {
    if (context.kind != &api::KindOf<api::core::Pod>()) return {};
    bool creates = context.intent == Intent::kCreate && context.subresource.empty();
    bool adds = context.intent == Intent::kUpdate && context.subresource == kEphemeral;
    return {.mutate = creates, .validate = creates || adds};
  }

  Task<Result<void>> Mutate(WriteContext* context, json::Value* object, const json::Value*) override {
    co_return GiveAccount(*context, *object);
  }

  Task<Result<void>> Validate(WriteContext* context, const json::Value* object, const json::Value*) override {
    if (context->intent == Intent::kCreate) CO_TRY_VOID(CheckMirror(*context, *object));
    co_return CheckSecrets(*context, *object);
  }

 private:
  // A mirror pod shows what runs from a node's own files: it has no part in what its namespace keeps.
  static Result<void> CheckMirror(const WriteContext& context, const json::Value& object) {
    if (json::Find(object, "metadata", "annotations", auth::kMirrorAnnotation) == nullptr) return {};
    for (const auth::PodReference& reference : auth::ReferencesOf(object)) {
      std::string_view why;
      if (reference.resource == "secrets") why = "a mirror pod may not reference secrets";
      if (reference.resource == "serviceaccounts") {
        why = reference.name.empty() ? "a mirror pod may not use service account token volume projections"
                                     : "a mirror pod may not reference service accounts";
      }
      if (!why.empty()) return Fail(ForbiddenError(*context.kind, context.name, why));
    }
    return {};
  }

  static Result<void> CheckSecrets(const WriteContext& context, const json::Value& object) {
    std::string_view name = json::FindString(json::Find(object, "spec", "serviceAccountName"));
    api::ObjectPtr stored = context.registry.Get<api::core::ServiceAccount>(context.namespace_, name);
    if (stored == nullptr) return {};  // a creation has been refused, or is a mirror pod's
    const auto& account = stored->As<api::core::ServiceAccount>();
    if (!LimitsSecrets(account)) return {};
    TRY(auto pod, api::FromJson<api::core::Pod>(object));
    std::string why =
        context.intent == Intent::kCreate ? SecretRefusal(account, pod.spec) : EphemeralSecretRefusal(account, pod.spec);
    if (why.empty()) return {};
    return Fail(ForbiddenError(*context.kind, context.name, why));
  }

  static Result<void> GiveAccount(WriteContext& context, json::Value& object) {
    if (FindObject(object, "spec") == nullptr) return {};
    if (json::Find(object, "metadata", "annotations", auth::kMirrorAnnotation) != nullptr) return {};
    json::Value& spec = object.as_object()["spec"];
    std::string name = AccountName(spec);
    spec.as_object()["serviceAccountName"] = name;
    spec.as_object()["serviceAccount"] = name;

    api::ObjectPtr account = context.registry.Get<api::core::ServiceAccount>(context.namespace_, name);
    if (account == nullptr) {
      return Fail(ForbiddenError(*context.kind, context.name,
                                 fmt::format("error looking up service account {}/{}: serviceaccount \"{}\" not found",
                                             context.namespace_, name, name)));
    }
    Inject(context, account->As<api::core::ServiceAccount>(), spec);
    return {};
  }

  static void Inject(WriteContext& context, const api::core::ServiceAccount& account, json::Value& spec) {
    if (!spec.as_object().contains("imagePullSecrets") && !account.image_pull_secrets.empty()) {
      json::Array& secrets = ArrayAt(spec, "imagePullSecrets");
      for (const auto& secret : account.image_pull_secrets) secrets.push_back(json::Object{{"name", secret.name}});
    }
    const json::Value* wish = json::Find(spec, "automountServiceAccountToken");
    bool mount = wish != nullptr ? FindBool(wish) : account.automount_service_account_token.value_or(true);
    if (!mount) return;
    std::string volume = std::string(kVolumePrefix) + context.rng.NameSuffix(5);
    if (MountInContainers(spec, volume)) ArrayAt(spec, "volumes").push_back(TokenVolume(volume));
  }
};

}  // namespace

Task<void> AwaitDefaultServiceAccount(const Registry* registry, std::string_view namespace_, const json::Value* pod) {
  const json::Value* spec = json::Find(*pod, "spec");
  if (spec == nullptr || AccountName(*spec) != kDefaultAccount) co_return;
  for (int i = 0; i < kWaits; ++i) {
    api::ObjectPtr home = registry->Get<api::core::Namespace>("", namespace_);
    if (home == nullptr || home->deleting()) co_return;
    if (registry->Get<api::core::ServiceAccount>(namespace_, kDefaultAccount) != nullptr) co_return;
    co_await registry->clock().Sleep(kWait);
  }
}

std::unique_ptr<Admission> NewServiceAccountAdmission() {
  return std::make_unique<ServiceAccountAdmission>();
}

}  // namespace sampan::apiserver
