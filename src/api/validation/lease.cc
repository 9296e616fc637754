#include "api/validation/kinds.h"

namespace sampan::api::rules {

void Lease(const View& object, Causes& causes) {
  View spec = object["spec"];
  Positive(spec["leaseDurationSeconds"], causes);
  NonNegative(spec["leaseTransitions"], causes);
}

void LeaseUpdate(const View& object, const View& old, Causes& causes) {
  View spec = object["spec"];
  View holder = spec["holderIdentity"];
  if (holder.Present() && holder.Str().size() > 253) causes.TooLong(holder.path(), 253);
}

}  // namespace sampan::api::rules
