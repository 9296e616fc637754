// Pod: a bound pod is deleted in two steps. The first gives its containers time to end; the node agent's own deletion,
// with a grace of 0, removes the object.
#include <algorithm>

#include "api/types/core.h"
#include "apiserver/registry/core/pod_qos.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/strategies.h"

namespace sampan::apiserver {

namespace {

constexpr int64_t kDefaultGraceSeconds = 30;

// Everything of the stored pod but the ephemeral containers that the client sends.
void KeepAllButEphemeralContainers(json::Value& object, const json::Value& old) {
  json::Value kept = old;
  const json::Value* spec = json::Find(object, "spec");
  if (spec != nullptr) CopyMember(kept.as_object()["spec"], *spec, "ephemeralContainers");
  object = std::move(kept);
}

// Everything of the stored pod but the resources of its containers. Other containers than the stored ones are left in, so
// that validation sees and refuses them.
void KeepAllButResources(json::Value& object, const json::Value& old) {
  json::Value kept = old;
  const json::Value* spec = json::Find(object, "spec");
  json::Value& kept_spec = kept.as_object()["spec"];
  for (std::string_view list : {"containers", "initContainers"}) {
    const json::Array* sent = spec == nullptr ? nullptr : FindArray(json::Find(*spec, list));
    if (sent == nullptr) continue;
    json::Array& stored = ArrayAt(kept_spec, list);
    bool same = std::ranges::equal(*sent, stored, [](const json::Value& a, const json::Value& b) {
      return json::FindString(json::Find(a, "name")) == json::FindString(json::Find(b, "name"));
    });
    if (!same) {
      stored = *sent;
      continue;
    }
    for (size_t i = 0; i < stored.size(); ++i) {
      for (std::string_view field : {"resources", "resizePolicy"}) CopyMember(stored[i], (*sent)[i], field);
    }
  }
  object = std::move(kept);
}

// No scheduler looks at the pod, so none would tell why it waits.
void SayGated(json::Value& object) {
  json::Object gated{{"type", "PodScheduled"},
                     {"status", "False"},
                     {"reason", "SchedulingGated"},
                     {"message", "Scheduling is blocked due to non-empty scheduling gates"}};
  ObjectAt(object, "status")["conditions"] = json::Array{std::move(gated)};
}

class PodStrategy final : public Strategy {
 public:
  Traits traits() const override { return {.generation = true, .status = true, .returns_deleted = true}; }

  Result<void> PrepareForCreate(WriteContext&, json::Value& object) override {
    std::string_view qos = QosClassOf(object);
    json::Object& status = ObjectAt(object, "status");
    status["phase"] = "Pending";
    status["qosClass"] = qos;
    const json::Array* gates = FindArray(json::Find(object, "spec", "schedulingGates"));
    if (gates != nullptr && !gates->empty()) SayGated(object);
    return {};
  }

  Result<void> PrepareForUpdate(WriteContext& context, json::Value& object, const json::Value& old) override {
    if (context.subresource == "ephemeralcontainers") KeepAllButEphemeralContainers(object, old);
    if (context.subresource == "resize") KeepAllButResources(object, old);
    if (context.subresource == "status") {
      // The class was decided at creation; a node agent that leaves it out does not mean to clear it.
      const json::Value* qos = json::Find(old, "status", "qosClass");
      if (qos != nullptr) ObjectAt(object, "status")["qosClass"] = *qos;
      // Whose the pod is, its node does not decide.
      CopyMember(object.as_object()["metadata"], *json::Find(old, "metadata"), "ownerReferences");
    }
    return {};
  }

  void Validate(const WriteContext& context, const json::Value& object, const json::Value* old,
                api::Causes& causes) override {
    if (context.subresource != "resize" || old == nullptr) return;
    std::string_view qos = QosClassOf(object);
    if (qos == QosClassOf(*old)) return;
    causes.Invalid(api::Path("spec"), qos, "Pod QOS Class may not change as a result of resizing");
  }

  int64_t GracePeriod(const api::Object& object, std::optional<int64_t> requested) override {
    const auto& pod = object.As<api::core::Pod>();
    if (pod.spec.node_name.empty()) return 0;
    if (pod.status.phase == "Succeeded" || pod.status.phase == "Failed") return 0;
    int64_t grace = requested.value_or(pod.spec.termination_grace_period_seconds.value_or(kDefaultGraceSeconds));
    return grace < 0 ? 1 : grace;
  }
};

}  // namespace

std::unique_ptr<Strategy> NewPodStrategy() {
  return std::make_unique<PodStrategy>();
}

}  // namespace sampan::apiserver
