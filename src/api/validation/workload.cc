// Deployments, ReplicaSets and their scale.
#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

void SelectorAndTemplate(const View& spec, Causes& causes) {
  View selector = spec["selector"];
  View pod_template = spec["template"];
  View meta = pod_template["metadata"];
  View labels = meta["labels"];
  if (!selector.Present()) {
    causes.Required(selector.path());
  } else {
    CheckLabelSelector(selector, causes);
    bool empty = selector["matchLabels"].Empty() && selector["matchExpressions"].Empty();
    if (empty) {
      causes.Invalid(selector.path(), selector.Value(), "empty selector is invalid for deployment");
    } else if (!SelectorMatches(*selector.Raw(), labels.Raw())) {
      causes.Invalid(labels.path(), labels.Present() ? labels.Value() : json::Value(json::Object()),
                     "`selector` does not match template `labels`");
    }
  }
  if (!pod_template.Present()) return causes.Required(pod_template.path());
  PodTemplate(pod_template, causes);
  View pod = pod_template["spec"];
  View policy = pod["restartPolicy"];
  if (!policy.Empty() && policy.Str() != "Always") causes.NotSupported(policy.path(), policy.Str(), {"Always"});
  View deadline = pod["activeDeadlineSeconds"];
  if (deadline.Present()) causes.Forbidden(deadline.path(), "activeDeadlineSeconds in ReplicaSet is not Supported");
}

void Strategy(const View& strategy, Causes& causes) {
  View type = strategy["type"];
  View rolling = strategy["rollingUpdate"];
  RequireOneOf(type, {"Recreate", "RollingUpdate"}, causes);
  if (type.Str() == "Recreate") {
    if (rolling.Present()) causes.Forbidden(rolling.path(), "may not be specified when strategy `type` is 'Recreate'");
    return;
  }
  if (type.Str() != "RollingUpdate") return;
  if (!rolling.Present()) return causes.Required(rolling.path(), "this should be defaulted and never be nil");
  View unavailable = rolling["maxUnavailable"];
  View surge = rolling["maxSurge"];
  IntOrPercent down = CheckIntOrPercent(unavailable, causes);
  IntOrPercent up = CheckIntOrPercent(surge, causes);
  if (down.value == 0 && up.value == 0 && unavailable.Present()) {
    causes.Invalid(unavailable.path(), unavailable.Value(), "may not be 0 when `maxSurge` is 0");
  }
  if (down.percent && down.value > 100) {
    causes.Invalid(unavailable.path(), unavailable.Value(), "must not be greater than 100%");
  }
}

void NotMore(const View& status, std::string_view field, std::string_view other, std::string_view detail, Causes& causes) {
  View value = status[field];
  if (value.Int() > status[other].Int()) causes.Invalid(value.path(), value.Int(), detail);
}

}  // namespace

void Deployment(const View& object, Causes& causes) {
  View spec = object["spec"];
  NonNegative(spec["replicas"], causes);
  SelectorAndTemplate(spec, causes);
  Strategy(spec["strategy"], causes);
  View min_ready = spec["minReadySeconds"];
  NonNegative(min_ready, causes);
  NonNegative(spec["revisionHistoryLimit"], causes);
  View deadline = spec["progressDeadlineSeconds"];
  NonNegative(deadline, causes);
  if (deadline.Present() && deadline.Int() <= min_ready.Int()) {
    causes.Invalid(deadline.path(), deadline.Int(), "must be greater than minReadySeconds");
  }
}

void DeploymentUpdate(const View& object, const View& old, Causes& causes) {
  View spec = object["spec"];
  View old_spec = old["spec"];
  Immutable(spec["selector"], old_spec["selector"], causes);
}

void DeploymentStatus(const View& object, const View& old, Causes& causes) {
  View status = object["status"];
  for (std::string_view field : {"observedGeneration", "replicas", "updatedReplicas", "terminatingReplicas", "readyReplicas",
                                 "availableReplicas", "unavailableReplicas", "collisionCount"}) {
    NonNegative(status[field], causes);
  }
  NotMore(status, "updatedReplicas", "replicas", "cannot be greater than status.replicas", causes);
  NotMore(status, "readyReplicas", "replicas", "cannot be greater than status.replicas", causes);
  NotMore(status, "availableReplicas", "replicas", "cannot be greater than status.replicas", causes);
  NotMore(status, "availableReplicas", "readyReplicas", "cannot be greater than readyReplicas", causes);
  View count = status["collisionCount"];
  View old_status = old["status"];
  View old_count = old_status["collisionCount"];
  if (old_count.Present() && count.Int() < old_count.Int()) {
    causes.Invalid(count.path(), count.Int(), "cannot be decremented");
  }
}

void ReplicaSet(const View& object, Causes& causes) {
  View spec = object["spec"];
  NonNegative(spec["replicas"], causes);
  NonNegative(spec["minReadySeconds"], causes);
  SelectorAndTemplate(spec, causes);
}

void ReplicaSetUpdate(const View& object, const View& old, Causes& causes) {
  DeploymentUpdate(object, old, causes);
}

void ReplicaSetStatus(const View& object, const View& old, Causes& causes) {
  View status = object["status"];
  for (std::string_view field : {"replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas",
                                 "terminatingReplicas", "observedGeneration"}) {
    NonNegative(status[field], causes);
  }
  NotMore(status, "fullyLabeledReplicas", "replicas", "cannot be greater than status.replicas", causes);
  NotMore(status, "readyReplicas", "replicas", "cannot be greater than status.replicas", causes);
  NotMore(status, "availableReplicas", "replicas", "cannot be greater than status.replicas", causes);
  NotMore(status, "availableReplicas", "readyReplicas", "cannot be greater than readyReplicas", causes);
}

void Scale(const View& object, Causes& causes) {
  View spec = object["spec"];
  NonNegative(spec["replicas"], causes);
}

}  // namespace sampan::api::rules
