#include "apiserver/gate/delete_options.h"

#include <algorithm>
#include <array>

#include "api/decode.h"
#include "api/schema.h"
#include "api/validation/causes.h"
#include "apiserver/registry/fields.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kKind = "DeleteOptions";
constexpr std::array<std::string_view, 3> kPolicies = {"Foreground", "Background", "Orphan"};

// Every group has its own DeleteOptions, for the sake of old clients; all are the same.
bool IsServedVersion(std::string_view api_version) {
  if (api_version == "meta.k8s.io/v1") return true;
  return std::ranges::any_of(api::BuiltinKinds(),
                             [&](const api::KindInfo* kind) { return kind->ApiVersion() == api_version; });
}

Result<void> CheckKind(const json::Value& options) {
  const json::Value* kind = json::Find(options, "kind");
  if (kind != nullptr && json::FindString(kind) != kKind && *kind != "") {
    return Fail(Error::BadRequest("decoded object cannot be converted to DeleteOptions"));
  }
  const json::Value* version = json::Find(options, "apiVersion");
  if (version == nullptr || *version == "" || IsServedVersion(json::FindString(version))) return {};
  return Fail(Error::BadRequest("no kind \"{}\" is registered for version {}", kKind, json::Serialize(*version)));
}

void CheckPolicy(const json::Value& options, api::Causes& causes) {
  const json::Value* policy = json::Find(options, "propagationPolicy");
  if (policy == nullptr) return;
  api::Path path("propagationPolicy");
  if (json::Find(options, "orphanDependents") != nullptr) {
    causes.Invalid(path, *policy, "orphanDependents and deletionPropagation cannot be both set");
  }
  if (std::ranges::find(kPolicies, json::FindString(policy)) == kPolicies.end()) {
    causes.NotSupported(path, *policy, {"Foreground", "Background", "Orphan", "nil"});
  }
}

bool IsDryRun(const json::Value& options, api::Causes& causes) {
  const json::Array* wishes = FindArray(json::Find(options, "dryRun"));
  if (wishes == nullptr || wishes->empty()) return false;
  if (!std::ranges::all_of(*wishes, [](const json::Value& wish) { return wish == "All"; })) {
    causes.NotSupported(api::Path("dryRun"), json::Value(*wishes), {"All"});
  }
  return true;
}

}  // namespace

Result<DeleteOperation> DecodeDeleteOptions(json::Value sent) {
  if (sent.is_object()) TRY_VOID(CheckKind(sent));
  static const api::Type& type = *api::FindType("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
  std::vector<std::string> unknown;
  Result<json::Value> decoded = api::Canonicalize(type, std::move(sent), &unknown);
  if (!decoded) {
    return Fail(Error::BadRequest("DeleteOptions in version \"v1\" cannot be handled as a DeleteOptions: {}",
                                  decoded.error().message()));
  }
  if (!unknown.empty()) return Fail(Error::BadRequest("strict decoding error: unknown field \"{}\"", unknown[0]));
  const json::Value& options = *decoded;
  DeleteOperation operation;
  api::Causes causes;
  CheckPolicy(options, causes);
  operation.dry_run = DryRun(IsDryRun(options, causes));
  if (!causes.empty()) return Fail(std::move(causes).ToError("meta.k8s.io", kKind, ""));

  DeleteRequest& request = operation.request;
  request.options.grace_period_seconds = FindInt(json::Find(options, "gracePeriodSeconds"));
  // Negative values are one second, as ever.
  if (request.options.grace_period_seconds.value_or(0) < 0) request.options.grace_period_seconds = 1;
  request.options.propagation_policy = json::FindString(json::Find(options, "propagationPolicy"));
  request.options.uid_precondition = json::FindString(json::Find(options, "preconditions", "uid"));
  request.options.resource_version_precondition = json::FindString(json::Find(options, "preconditions", "resourceVersion"));
  const json::Value* orphan = json::Find(options, "orphanDependents");
  if (orphan != nullptr) request.orphan_dependents = FindBool(orphan);
  return operation;
}

json::Value DeleteOptionsOf(const DeleteOperation& operation) {
  const client::DeleteOptions& options = operation.request.options;
  json::Object out{{"kind", kKind}, {"apiVersion", "meta.k8s.io/v1"}};
  if (options.grace_period_seconds) out["gracePeriodSeconds"] = *options.grace_period_seconds;
  json::Object preconditions;
  if (!options.uid_precondition.empty()) preconditions["uid"] = options.uid_precondition;
  if (!options.resource_version_precondition.empty()) {
    preconditions["resourceVersion"] = options.resource_version_precondition;
  }
  if (!preconditions.empty()) out["preconditions"] = std::move(preconditions);
  if (operation.request.orphan_dependents) out["orphanDependents"] = *operation.request.orphan_dependents;
  if (!options.propagation_policy.empty()) out["propagationPolicy"] = options.propagation_policy;
  if (operation.dry_run == DryRun::kYes) out["dryRun"] = json::Array{"All"};
  return out;
}

}  // namespace sampan::apiserver
