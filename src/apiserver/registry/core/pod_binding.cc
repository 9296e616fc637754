#include "api/types/core.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/operations.h"

namespace sampan::apiserver {

namespace {

Error BindingConflict(const Call& call, std::string why) {
  ErrorDetails details;
  details.kind = "pods/binding";
  details.name = call.name;
  return Error::Conflict("Operation cannot be fulfilled on pods/binding \"{}\": {}", call.name, why)
      .WithDetails(std::move(details));
}

void SetScheduled(json::Value& pod, WallTime now) {
  ObjectAt(pod, "status");
  json::Array& conditions = ArrayAt(pod.as_object()["status"], "conditions");
  json::Object scheduled{{"type", "PodScheduled"}, {"status", "True"}, {"lastTransitionTime", FormatTime(now)}};
  for (json::Value& condition : conditions) {
    if (json::FindString(json::Find(condition, "type")) != "PodScheduled") continue;
    condition = std::move(scheduled);
    return;
  }
  conditions.push_back(std::move(scheduled));
}

Result<void> CheckBindable(const Call& call, const json::Value& pod, const json::Value& binding) {
  std::string_view uid = json::FindString(json::Find(binding, "metadata", "uid"));
  std::string_view own = json::FindString(json::Find(pod, "metadata", "uid"));
  if (!uid.empty() && uid != own) {
    return Fail(BindingConflict(
        call, fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}", uid, own)));
  }
  if (json::Find(pod, "metadata", "deletionTimestamp") != nullptr) {
    return Fail(BindingConflict(call, fmt::format("pod {} is being deleted, cannot be assigned to a host", call.name)));
  }
  const json::Array* gates = FindArray(json::Find(pod, "spec", "schedulingGates"));
  if (gates != nullptr && !gates->empty()) {
    return Fail(BindingConflict(call, fmt::format("pod {} has non-empty .spec.schedulingGates", call.name)));
  }
  std::string_view node = json::FindString(json::Find(pod, "spec", "nodeName"));
  if (node.empty()) return {};
  return Fail(BindingConflict(call, fmt::format("pod {} is already assigned to node \"{}\"", call.name, node)));
}

void Bind(json::Value& pod, const json::Value& binding, WallTime now) {
  ObjectAt(pod, "spec")["nodeName"] = json::FindString(json::Find(binding, "target", "name"));
  const json::Value* annotations = json::Find(binding, "metadata", "annotations");
  if (annotations != nullptr && annotations->is_object()) {
    MetadataOf(pod);
    json::Object& all = ObjectAt(pod.as_object()["metadata"], "annotations");
    for (const auto& [key, value] : annotations->get_object()) all[key] = value;
  }
  SetScheduled(pod, now);
  // Whatever place it was promised, it has one.
  ObjectAt(pod, "status").erase("nominatedNodeName");
}

}  // namespace

Task<Result<ObjectPtr>> BindPod(Registry* registry, Call* call, json::Value binding) {
  std::string_view target_kind = json::FindString(json::Find(binding, "target", "kind"));
  std::string_view target = json::FindString(json::Find(binding, "target", "name"));
  api::Causes causes;
  api::Path path("target");
  if (!target_kind.empty() && target_kind != "Node") {
    causes.NotSupported(api::Path(path, "kind"), json::Value(target_kind), {"Node", "<empty>"});
  }
  if (target.empty()) causes.Required(api::Path(path, "name"));
  if (!causes.empty()) co_return Fail(std::move(causes).ToError("", "Binding", call->name));
  WallTime now = registry->clock().Now();
  Edit edit = [&](json::Value& pod) -> Result<void> {
    TRY_VOID(CheckBindable(*call, pod, binding));
    Bind(pod, binding, now);
    return {};
  };
  auto bound = co_await registry->Rewrite(call, &edit);
  co_return bound;
}

}  // namespace sampan::apiserver
