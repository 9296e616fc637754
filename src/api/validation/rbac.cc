#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
enum class Level : unsigned char { kNamespace, kCluster };

void PolicyRule(const View& rule, Level level, Causes& causes) {
  View verbs = rule["verbs"];
  if (verbs.Empty()) causes.Required(verbs.path(), "verbs must contain at least one value");
  View urls = rule["nonResourceURLs"];
  View groups = rule["apiGroups"];
  View resources = rule["resources"];
  if (!urls.Empty()) {
    if (level == Level::kNamespace) {
      causes.Invalid(urls.path(), urls.Value(), "namespaced rules cannot apply to non-resource URLs");
    }
    if (!groups.Empty() || !resources.Empty() || !rule["resourceNames"].Empty()) {
      causes.Invalid(urls.path(), urls.Value(), "rules cannot apply to both regular resources and non-resource URLs");
    }
    return;
  }
  if (groups.Empty()) causes.Required(groups.path(), "resource rules must supply at least one api group");
  if (resources.Empty()) causes.Required(resources.path(), "resource rules must supply at least one resource");
}

void Rules(const View& object, Level level, Causes& causes) {
  View rules = object["rules"];
  rules.ForEach([&](const View& rule) { PolicyRule(rule, level, causes); });
}

void Subject(const View& subject, Level level, Causes& causes) {
  View name = subject["name"];
  View kind = subject["kind"];
  View group = subject["apiGroup"];
  if (name.Empty()) causes.Required(name.path());
  if (kind.Str() == "ServiceAccount") {
    CheckName(name, names::Dns1123Subdomain, causes);
    if (!group.Empty()) causes.NotSupported(group.path(), group.Str(), {""});
    View space = subject["namespace"];
    if (space.Empty() && level == Level::kCluster) causes.Required(space.path());
  } else if (kind.Str() == "User" || kind.Str() == "Group") {
    if (group.Str() != kGroup) causes.NotSupported(group.path(), group.Str(), {kGroup});
  } else {
    causes.NotSupported(kind.path(), kind.Str(), {"ServiceAccount", "User", "Group"});
  }
}

void Binding(const View& object, Level level, Causes& causes) {
  View ref = object["roleRef"];
  View group = ref["apiGroup"];
  if (group.Str() != kGroup) causes.NotSupported(group.path(), group.Str(), {kGroup});
  View kind = ref["kind"];
  bool cluster = level == Level::kCluster;
  if (kind.Str() != "ClusterRole" && (cluster || kind.Str() != "Role")) {
    causes.NotSupported(
        kind.path(), kind.Str(),
        cluster ? std::vector<std::string_view>{"ClusterRole"} : std::vector<std::string_view>{"Role", "ClusterRole"});
  }
  RequireName(ref["name"], names::PathSegment, causes);
  View subjects = object["subjects"];
  subjects.ForEach([&](const View& subject) { Subject(subject, level, causes); });
}

}  // namespace

void Role(const View& object, Causes& causes) {
  Rules(object, Level::kNamespace, causes);
}

void ClusterRole(const View& object, Causes& causes) {
  Rules(object, Level::kCluster, causes);
  View aggregation = object["aggregationRule"];
  if (!aggregation.Present()) return;
  View selectors = aggregation["clusterRoleSelectors"];
  if (selectors.Empty())
    causes.Required(selectors.path(), "at least one clusterRoleSelector required if aggregationRule is non-nil");
  selectors.ForEach([&](const View& selector) { CheckLabelSelector(selector, causes); });
}

void RoleBinding(const View& object, Causes& causes) {
  Binding(object, Level::kNamespace, causes);
}
void ClusterRoleBinding(const View& object, Causes& causes) {
  Binding(object, Level::kCluster, causes);
}

void RoleBindingUpdate(const View& object, const View& old, Causes& causes) {
  View ref = object["roleRef"];
  if (!Same(ref, old["roleRef"])) causes.Invalid(ref.path(), ref.Value(), "cannot change roleRef");
}

}  // namespace sampan::api::rules
