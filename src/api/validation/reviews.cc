// Requests that are answered and never stored.
#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

void OneAttribute(const View& spec, Causes& causes) {
  View resource = spec["resourceAttributes"];
  View other = spec["nonResourceAttributes"];
  if (resource.Present() && other.Present()) {
    causes.Invalid(other.path(), other.Value(), "cannot be specified in combination with resourceAttributes");
  } else if (!resource.Present() && !other.Present()) {
    causes.Invalid(resource.path(), resource.Value(),
                   "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  }
}

// A selector is said in one way: as text or as requirements.
void Selector(const View& selector, Causes& causes) {
  if (!selector.Present()) return;
  View raw = selector["rawSelector"];
  View requirements = selector["requirements"];
  if (!raw.Empty() && !requirements.Empty()) {
    causes.Invalid(raw.path(), raw.Str(), "may not specified at the same time as requirements");
  } else if (raw.Empty() && requirements.Empty()) {
    causes.Required(requirements.path(), fmt::format("when {} is specified, requirements or rawSelector is required",
                                                     selector.path().ToString()));
  }
  requirements.ForEach([&](const View& requirement) {
    View key = requirement["key"];
    View values = requirement["values"];
    std::string_view op = requirement["operator"].Str();
    if (key.Empty()) causes.Required(key.path(), "must be specified");
    if ((op == "In" || op == "NotIn") && values.Empty()) {
      causes.Required(values.path(), "must be specified when `operator` is 'In' or 'NotIn'");
    } else if ((op == "Exists" || op == "DoesNotExist") && !values.Empty()) {
      causes.Forbidden(values.path(), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  });
}

void Selectors(const View& spec, Causes& causes) {
  View resource = spec["resourceAttributes"];
  Selector(resource["fieldSelector"], causes);
  Selector(resource["labelSelector"], causes);
}

void Subject(const View& spec, Causes& causes) {
  View user = spec["user"];
  if (user.Empty() && spec["groups"].Empty()) {
    causes.Invalid(user.path(), user.Str(), "at least one of user or group must be specified");
  }
}

}  // namespace

void SubjectAccessReview(const View& object, Causes& causes) {
  View spec = object["spec"];
  OneAttribute(spec, causes);
  Selectors(spec, causes);
  Subject(spec, causes);
}

void SelfSubjectAccessReview(const View& object, Causes& causes) {
  View spec = object["spec"];
  OneAttribute(spec, causes);
  Selectors(spec, causes);
}

void LocalSubjectAccessReview(const View& object, Causes& causes) {
  SubjectAccessReview(object, causes);
  View spec = object["spec"];
  View other = spec["nonResourceAttributes"];
  if (other.Present()) causes.Invalid(other.path(), other.Value(), "disallowed on this kind of request");
  View attributes = spec["resourceAttributes"];
  View space = attributes["namespace"];
  View meta = object["metadata"];
  std::string_view own = meta["namespace"].Str();
  if (attributes.Present() && space.Str() != own) {
    causes.Invalid(space.path(), space.Str(), fmt::format("must match metadata.namespace: {}", own));
  }
}

void TokenRequest(const View& object, Causes& causes) {
  View spec = object["spec"];
  View seconds = spec["expirationSeconds"];
  auto value = seconds.MaybeInt();
  if (!value) return;
  if (*value < 600) {
    causes.Invalid(seconds.path(), *value, "may not specify a duration less than 10 minutes");
  } else if (*value > (int64_t{1} << 32)) {
    causes.Invalid(seconds.path(), *value, "may not specify a duration larger than 2^32 seconds");
  }
}

}  // namespace sampan::api::rules
