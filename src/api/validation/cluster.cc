// Namespaces, nodes and bindings to them.
#include "api/meta/quantity.h"
#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

void Amounts(const View& amounts, Causes& causes) {
  amounts.ForEachKey([&](std::string_view name, const View& amount) {
    Path path(amounts.path(), name);
    if (auto fault = names::QualifiedName(name)) causes.Invalid(path, name, *fault);
    auto quantity = Quantity::Parse(amount.Str());
    if (quantity && quantity->Sign() < 0) {
      causes.Invalid(path, amount.Value(), "must be greater than or equal to 0");
    }
  });
}

}  // namespace

void Namespace(const View& object, Causes& causes) {
  View spec = object["spec"];
  View finalizers = spec["finalizers"];
  finalizers.ForEach([&](const View& finalizer) {
    if (auto fault = names::QualifiedName(finalizer.Str())) {
      causes.Invalid(finalizers.path(), finalizer.Str(), *fault);
    } else if (finalizer.Str().find('/') == std::string_view::npos && finalizer.Str() != "kubernetes") {
      causes.Invalid(finalizer.path(), finalizer.Str(),
                     "name is neither a standard finalizer name nor is it fully qualified");
    }
  });
}

void NamespaceStatus(const View& object, const View& old, Causes& causes) {
  View meta = object["metadata"];
  View status = object["status"];
  View phase = status["phase"];
  bool deleting = !meta["deletionTimestamp"].Empty();
  if (deleting && phase.Str() != "Terminating") {
    causes.Invalid(Path(status.path(), "Phase"), phase.Str(),
                   "may only be 'Terminating' if `deletionTimestamp` is not empty");
  } else if (!deleting && phase.Str() != "Active" && !phase.Empty()) {
    causes.Invalid(Path(status.path(), "Phase"), phase.Str(), "may only be 'Active' if `deletionTimestamp` is empty");
  }
}

void Node(const View& object, Causes& causes) {
  View spec = object["spec"];
  Taints(spec["taints"], causes);
  View cidrs = spec["podCIDRs"];
  cidrs.ForEach([&](const View& cidr) {
    if (auto fault = names::Cidr(cidr.Str())) causes.Invalid(cidr.path(), cidr.Str(), *fault);
  });
  // The single address of older clients is the first of the list.
  if (cidrs.Empty()) CheckName(View(spec["podCIDR"].Raw(), Path(cidrs.path(), size_t{0})), names::Cidr, causes);
  size_t v4 = 0;
  cidrs.ForEach([&](const View& cidr) { v4 += cidr.Str().find(':') == std::string_view::npos ? 1 : 0; });
  if (v4 > 1 || cidrs.Size() - v4 > 1) {
    causes.Invalid(cidrs.path(), cidrs.Value(), "may specify no more than one CIDR for each IP family");
  }
  View status = object["status"];
  Amounts(status["capacity"], causes);
  Amounts(status["allocatable"], causes);
}

void NodeUpdate(const View& object, const View& old, Causes& causes) {
  View spec = object["spec"];
  View old_spec = old["spec"];
  View cidrs = spec["podCIDRs"];
  View old_cidrs = old_spec["podCIDRs"];
  // The single address of older clients must be the first of the list, too.
  View first = spec["podCIDR"];
  bool moved = !first.Empty() && !Same(first, old_spec["podCIDR"]);
  if (!old_cidrs.Empty() && (moved || !Same(cidrs, old_cidrs))) {
    causes.Forbidden(cidrs.path(), "node updates may not change podCIDR except from \"\" to valid");
  }
  View provider = spec["providerID"];
  View old_provider = old_spec["providerID"];
  if (!old_provider.Empty() && !Same(provider, old_provider)) {
    causes.Forbidden(provider.path(), "node updates may not change providerID except from \"\" to valid");
  }
}

void Binding(const View& object, Causes& causes) {
  View target = object["target"];
  OneOf(target["kind"], {"Node", "<empty>"}, causes);
  View name = target["name"];
  if (name.Empty()) causes.Required(name.path());
}

}  // namespace sampan::api::rules
