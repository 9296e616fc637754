#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

void Expression(const View& expression, Causes& causes) {
  View values = expression["values"];
  std::string_view op = expression["operator"].Str();
  if (op == "In" || op == "NotIn") {
    if (values.Empty()) causes.Required(values.path(), "must be specified when `operator` is 'In' or 'NotIn'");
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (!values.Empty()) {
      causes.Forbidden(values.path(), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  } else if (op == "Gt" || op == "Lt") {
    if (values.Size() != 1) {
      causes.Required(values.path(), "must be specified single value when `operator` is 'Lt' or 'Gt'");
    }
  } else {
    View name = expression["operator"];
    causes.Invalid(name.path(), op, "not a valid selector operator");
  }
}

void NodeSelectorTerm(const View& term, Causes& causes) {
  View expressions = term["matchExpressions"];
  expressions.ForEach([&](const View& expression) {
    Expression(expression, causes);
    CheckLabelKey(expression["key"], causes);
  });
  View fields = term["matchFields"];
  fields.ForEach([&](const View& expression) {
    View op = expression["operator"];
    View values = expression["values"];
    if (op.Str() != "In" && op.Str() != "NotIn") {
      causes.Invalid(op.path(), op.Str(), "not a valid selector operator");
    } else if (values.Size() != 1) {
      causes.Required(values.path(), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
    }
    View key = expression["key"];
    if (key.Str() != "metadata.name") causes.Invalid(key.path(), key.Str(), "not a valid field selector key");
  });
}

void PodTerm(const View& term, Causes& causes) {
  CheckLabelSelector(term["labelSelector"], causes);
  CheckLabelSelector(term["namespaceSelector"], causes);
  View namespaces = term["namespaces"];
  namespaces.ForEach([&](const View& name) {
    if (auto fault = names::Dns1123Label(name.Str())) causes.Invalid(name.path(), name.Str(), *fault);
  });
  View topology = term["topologyKey"];
  if (topology.Empty()) causes.Required(topology.path(), "can not be empty");
  CheckLabelKey(topology, causes);
}

void Weight(const View& weight, Causes& causes) {
  if (weight.Int() < 1 || weight.Int() > 100) causes.Invalid(weight.path(), weight.Int(), "must be in the range 1-100");
}

void PodTerms(const View& affinity, Causes& causes) {
  View required = affinity["requiredDuringSchedulingIgnoredDuringExecution"];
  required.ForEach([&](const View& term) { PodTerm(term, causes); });
  View preferred = affinity["preferredDuringSchedulingIgnoredDuringExecution"];
  preferred.ForEach([&](const View& weighted) {
    Weight(weighted["weight"], causes);
    PodTerm(weighted["podAffinityTerm"], causes);
  });
}

}  // namespace

void NodeSelector(const View& selector, Causes& causes) {
  View terms = selector["nodeSelectorTerms"];
  if (terms.Empty()) return causes.Required(terms.path(), "must have at least one node selector term");
  terms.ForEach([&](const View& term) { NodeSelectorTerm(term, causes); });
}

void Affinity(const View& affinity, Causes& causes) {
  View node = affinity["nodeAffinity"];
  View required = node["requiredDuringSchedulingIgnoredDuringExecution"];
  if (required.Present()) NodeSelector(required, causes);
  View preferred = node["preferredDuringSchedulingIgnoredDuringExecution"];
  preferred.ForEach([&](const View& term) {
    Weight(term["weight"], causes);
    NodeSelectorTerm(term["preference"], causes);
  });
  PodTerms(affinity["podAffinity"], causes);
  PodTerms(affinity["podAntiAffinity"], causes);
}

void Tolerations(const View& tolerations, Causes& causes) {
  tolerations.ForEach([&](const View& toleration) {
    View key = toleration["key"];
    View op = toleration["operator"];
    View effect = toleration["effect"];
    View value = toleration["value"];
    if (!key.Empty()) CheckLabelKey(key, causes);
    if (key.Empty() && op.Str() != "Exists") {
      causes.Invalid(op.path(), op.Str(),
                     "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
    }
    if (toleration["tolerationSeconds"].Present() && effect.Str() != "NoExecute") {
      causes.Invalid(effect.path(), effect.Str(), "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    if (op.Empty() || op.Str() == "Equal") {
      if (auto fault = names::LabelValue(value.Str())) causes.Invalid(op.path(), value.Str(), *fault);
    } else if (op.Str() == "Exists") {
      if (!value.Empty()) causes.Invalid(op.path(), value.Str(), "value must be empty when `operator` is 'Exists'");
    } else {
      causes.NotSupported(op.path(), op.Str(), {"Equal", "Exists"});
    }
    OneOf(effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"}, causes);
  });
}

void SpreadConstraints(const View& constraints, Causes& causes) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  constraints.ForEach([&](const View& constraint) {
    View skew = constraint["maxSkew"];
    if (skew.Int() <= 0) causes.Invalid(skew.path(), skew.Int(), "must be greater than zero");
    View topology = constraint["topologyKey"];
    if (topology.Empty()) {
      causes.Required(topology.path(), "can not be empty");
    } else {
      CheckLabelKey(topology, causes);
    }
    View action = constraint["whenUnsatisfiable"];
    RequireOneOf(action, {"DoNotSchedule", "ScheduleAnyway"}, causes);
    if (!seen.insert({topology.Str(), action.Str()}).second) {
      causes.Duplicate(constraint.path(), fmt::format("{{{}, {}}}", topology.Str(), action.Str()));
    }
    View domains = constraint["minDomains"];
    Positive(domains, causes);
    if (domains.Present() && action.Str() != "DoNotSchedule") {
      causes.Invalid(domains.path(), domains.Value(),
                     "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not whenUnsatisfiable=ScheduleAnyway");
    }
    CheckLabelSelector(constraint["labelSelector"], causes);
  });
}

void Taints(const View& taints, Causes& causes) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  taints.ForEach([&](const View& taint) {
    View key = taint["key"];
    CheckLabelKey(key, causes);
    View value = taint["value"];
    if (auto fault = names::LabelValue(value.Str())) causes.Invalid(value.path(), value.Str(), *fault);
    View effect = taint["effect"];
    RequireOneOf(effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"}, causes);
    if (!seen.insert({key.Str(), effect.Str()}).second) causes.Duplicate(taint.path(), taint.Value());
  });
}

}  // namespace sampan::api::rules
