#include "controllers/garbagecollector/plan.h"

#include <algorithm>

namespace sampan::controllers::garbagecollector {

Action PlanObject(const ObjectFacts& facts) {
  auto any = [&facts](OwnerState state) { return std::ranges::find(facts.owners, state) != facts.owners.end(); };
  if (facts.deleting) {
    if (facts.has_orphan) return Action::kReleaseDependents;
    return facts.has_foreground ? Action::kAwaitDependents : Action::kKeep;
  }
  if (facts.owners.empty()) return Action::kKeep;
  bool waiting = any(OwnerState::kWaiting);
  if (any(OwnerState::kSolid)) return waiting || any(OwnerState::kAbsent) ? Action::kDropOwners : Action::kKeep;
  // An owner that waits for its dependents waits for their dependents, too.
  if (waiting && facts.has_dependents) return Action::kDeleteForeground;
  if (facts.has_orphan) return Action::kDeleteOrphan;
  return facts.has_foreground ? Action::kDeleteForeground : Action::kDeleteBackground;
}

}  // namespace sampan::controllers::garbagecollector
