#include "api/meta/quantity.h"
#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

bool IsNative(std::string_view name) {
  return name.find('/') == std::string_view::npos || name.starts_with("kubernetes.io/");
}
bool IsHugePages(std::string_view name) {
  return name.starts_with("hugepages-");
}

bool IsStandard(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" || IsHugePages(name);
}

std::optional<Quantity> Parsed(const View& value) {
  if (value.Raw() == nullptr) return {};
  if (value.Raw()->is_int64()) return Quantity::Of(value.Int());
  auto quantity = Quantity::Parse(value.Str());
  if (!quantity) return {};
  return *quantity;
}

void Name(std::string_view name, const View& value, Causes& causes) {
  if (auto fault = names::QualifiedName(name)) return causes.Invalid(value.path(), name, *fault);
  if (name.find('/') == std::string_view::npos) {
    if (IsStandard(name)) return;
    static constexpr std::string_view kOther[] = {"storage", "pods", "services", "secrets", "configmaps"};
    if (std::ranges::find(kOther, name) == std::end(kOther)) {
      causes.Invalid(value.path(), name, "must be a standard resource type or fully qualified");
    }
    causes.Invalid(value.path(), name, "must be a standard resource for containers");
  } else if (!IsNative(name) && name.starts_with("requests.")) {
    causes.Invalid(value.path(), name, "doesn't follow extended resource name standard");
  }
}

std::optional<Quantity> Amount(std::string_view name, const View& value, Causes& causes) {
  auto quantity = Parsed(value);
  if (!quantity) {
    causes.Invalid(value.path(), value.Value(),
                   "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    return {};
  }
  if (quantity->Sign() < 0) causes.Invalid(value.path(), value.Value(), "must be greater than or equal to 0");
  if (!IsNative(name) && Quantity::Of(quantity->Value()) != *quantity) {
    causes.Invalid(value.path(), value.Value(), "must be an integer");
  }
  return quantity;
}

}  // namespace

void Resources(const View& resources, Causes& causes) {
  View limits = resources["limits"];
  View requests = resources["requests"];
  bool huge = false;
  bool ordinary = false;
  auto look = [&](std::string_view name, const View&) {
    huge |= IsHugePages(name);
    ordinary |= name == "cpu" || name == "memory";
  };
  limits.ForEachKey(look);
  requests.ForEachKey(look);
  if (huge && !ordinary) causes.Forbidden(resources.path(), "HugePages require cpu or memory");
  limits.ForEachKey([&](std::string_view name, const View& limit) {
    Name(name, limit, causes);
    Amount(name, limit, causes);
  });
  requests.ForEachKey([&](std::string_view name, const View& request) {
    Name(name, request, causes);
    auto wanted = Amount(name, request, causes);
    View limit = limits.Key(name);
    bool overcommit = IsNative(name) && !IsHugePages(name);
    if (!limit.Present()) {
      if (!overcommit) causes.Required(limits.path(), "Limit must be set for non overcommitable resources");
      return;
    }
    auto most = Parsed(limit);
    if (!wanted || !most) return;
    if (!overcommit && *wanted != *most) {
      causes.Invalid(requests.path(), wanted->ToString(),
                     fmt::format("must be equal to {} limit of {}", name, most->ToString()));
    } else if (overcommit && *wanted > *most) {
      causes.Invalid(requests.path(), wanted->ToString(),
                     fmt::format("must be less than or equal to {} limit of {}", name, most->ToString()));
    }
  });
}

}  // namespace sampan::api::rules
