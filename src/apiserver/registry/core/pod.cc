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

class PodStrategy final : public Strategy {
 public:
  Traits traits() const override { return {.generation = true, .status = true, .returns_deleted = true}; }

  Result<void> PrepareForCreate(WriteContext&, json::Value& object) override {
    std::string_view qos = QosClassOf(object);
    json::Object& status = ObjectAt(object, "status");
    status["phase"] = "Pending";
    status["qosClass"] = qos;
    return {};
  }

  Result<void> PrepareForUpdate(WriteContext& context, json::Value& object, const json::Value& old) override {
    if (context.subresource == "status") {
      // The class was decided at creation; a node agent that leaves it out does not mean to clear it.
      const json::Value* qos = json::Find(old, "status", "qosClass");
      if (qos != nullptr) ObjectAt(object, "status")["qosClass"] = *qos;
    }
    return {};
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
