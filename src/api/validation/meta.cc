#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

struct NameRule {
  std::string_view group;
  std::string_view kind;
  names::Check check;
};

constexpr NameRule kNameRules[] = {
    {"", "Namespace", names::Dns1123Label},
    {"", "Service", names::Dns1123Label},
    {"rbac.authorization.k8s.io", "Role", names::PathSegment},
    {"rbac.authorization.k8s.io", "RoleBinding", names::PathSegment},
    {"rbac.authorization.k8s.io", "ClusterRole", names::PathSegment},
    {"rbac.authorization.k8s.io", "ClusterRoleBinding", names::PathSegment},
};

names::Check NameCheck(const KindInfo& kind) {
  for (const NameRule& rule : kNameRules) {
    if (rule.kind == kind.kind && rule.group == kind.group) return rule.check;
  }
  return names::Dns1123Subdomain;
}

void Names(const KindInfo& kind, const View& meta, Causes& causes) {
  names::Check check = NameCheck(kind);
  View prefix = meta["generateName"];
  if (!prefix.Empty()) {
    std::string text(prefix.Str());
    // What follows the prefix makes a trailing dash good.
    if (text.size() > 1 && text.back() == '-') text.back() = 'a';
    if (auto fault = check(text)) causes.Invalid(prefix.path(), prefix.Value(), *fault);
  }
  View name = meta["name"];
  if (name.Empty()) {
    causes.Required(name.path(), "name or generateName is required");
  } else {
    CheckName(name, check, causes);
  }
  View space = meta["namespace"];
  if (kind.namespaced()) {
    RequireName(space, names::Dns1123Label, causes);
  } else if (!space.Empty()) {
    causes.Forbidden(space.path(), "not allowed on this type");
  }
}

void Owners(const View& owners, Causes& causes) {
  std::string controller;
  owners.ForEach([&](const View& owner) {
    View version = owner["apiVersion"];
    if (version.Empty() || version.Str().ends_with('/')) {
      causes.Invalid(Path(owners.path(), "apiVersion"), version.Str(), "version must not be empty");
    }
    for (std::string_view field : {"kind", "name", "uid"}) {
      if (owner[field].Empty()) causes.Invalid(Path(owners.path(), field), "", "must not be empty");
    }
    if (version.Str() == "v1" && owner["kind"].Str() == "Event") {
      causes.Invalid(owners.path(), owner.Value(), "/v1, Kind=Event is disallowed from being an owner");
    }
    if (!owner["controller"].True()) return;
    std::string name = fmt::format("{}/{}", owner["kind"].Str(), owner["name"].Str());
    if (!controller.empty()) {
      causes.Invalid(
          owners.path(), owners.Value(),
          fmt::format("Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
                      controller, name));
    }
    controller = std::move(name);
  });
}

void Finalizers(const View& finalizers, Causes& causes) {
  bool orphan = false;
  bool foreground = false;
  finalizers.ForEach([&](const View& finalizer) {
    std::string_view name = finalizer.Str();
    orphan |= name == "orphan";
    foreground |= name == "foregroundDeletion";
    if (auto fault = names::QualifiedName(name)) {
      causes.Invalid(finalizers.path(), name, *fault);
    } else if (name.find('/') == std::string_view::npos && name != "orphan" && name != "foregroundDeletion" &&
               name != "kubernetes") {
      causes.Invalid(finalizer.path(), name, "name is neither a standard finalizer name nor is it fully qualified");
    }
  });
  if (orphan && foreground) {
    causes.Invalid(finalizers.path(), finalizers.Value(), "finalizer orphan and foregroundDeletion cannot be both set");
  }
}

}  // namespace

void ObjectMeta(const KindInfo& kind, const View& object, Causes& causes) {
  View meta = object["metadata"];
  Names(kind, meta, causes);
  NonNegative(meta["generation"], causes);
  CheckLabels(meta["labels"], causes);
  CheckAnnotations(meta["annotations"], causes);
  Owners(meta["ownerReferences"], causes);
  Finalizers(meta["finalizers"], causes);
}

void ObjectMetaUpdate(const View& object, const View& old, Causes& causes) {
  View meta = object["metadata"];
  View old_meta = old["metadata"];
  View deleted = old_meta["deletionTimestamp"];
  if (!deleted.Empty()) {
    View finalizers = meta["finalizers"];
    View old_finalizers = old_meta["finalizers"];
    std::unordered_set<std::string_view> known;
    old_finalizers.ForEach([&](const View& finalizer) { known.insert(finalizer.Str()); });
    std::vector<std::string> fresh;
    finalizers.ForEach([&](const View& finalizer) {
      if (known.contains(finalizer.Str())) return;
      std::string quoted;
      json::AppendQuoted(finalizer.Str(), quoted);
      fresh.push_back(std::move(quoted));
    });
    if (!fresh.empty()) {
      causes.Forbidden(finalizers.path(),
                       fmt::format("no new finalizers can be added if the object is being deleted, found new finalizers "
                                   "[]string{{{}}}",
                                   fmt::join(fresh, ", ")));
    }
  }
  View generation = meta["generation"];
  if (generation.Int() < old_meta["generation"].Int()) {
    causes.Invalid(generation.path(), generation.Int(), "must not be decremented");
  }
  for (std::string_view field :
       {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    Immutable(meta[field], old_meta[field], causes);
  }
}

}  // namespace sampan::api::rules
