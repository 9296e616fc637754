// What becomes of an object whose owners are gone or going. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"

namespace sampan::controllers::garbagecollector {

inline constexpr std::string_view kForeground = "foregroundDeletion";
inline constexpr std::string_view kOrphan = "orphan";

// How one owner reference stands.
enum class OwnerState : unsigned char {
  kSolid,    // exists (or cannot be judged): keeps the object alive
  kAbsent,   // does not exist, or another object has its name now
  kWaiting,  // is being deleted and waits for its dependents
};

struct ObjectFacts {
  bool deleting = false;
  bool has_foreground = false;  // finalizer foregroundDeletion
  bool has_orphan = false;      // finalizer orphan
  std::vector<OwnerState> owners;
  bool has_dependents = false;
};

enum class Action : unsigned char {
  kKeep,
  kDropOwners,  // some owner keeps it: the references to the others are removed
  kDeleteBackground,
  kDeleteForeground,
  kDeleteOrphan,
  kAwaitDependents,    // is being deleted in the foreground: its dependents come first
  kReleaseDependents,  // is being deleted with the finalizer orphan: its dependents stay, without it
};

Action PlanObject(const ObjectFacts& facts);

inline bool HasFinalizer(const api::ObjectHead& head, std::string_view name) {
  for (const std::string& finalizer : head.finalizers) {
    if (finalizer == name) return true;
  }
  return false;
}
inline bool WaitsForDependents(const api::Object& object) {
  return object.deleting() && HasFinalizer(object.head(), kForeground);
}
inline bool ReleasesDependents(const api::Object& object) {
  return object.deleting() && HasFinalizer(object.head(), kOrphan);
}

}  // namespace sampan::controllers::garbagecollector
