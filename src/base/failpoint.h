// Named places where a crash or a fault matters. A component that has such places takes a Failpoints* that is null in
// production, which costs one branch; tests and the simulation pass one that kills the process, waits or fails there.
#pragma once

#include <string_view>

#include "base/error.h"

namespace sampan {

// Thread-safe.
class Failpoints {
 public:
  virtual ~Failpoints() = default;
  // An error makes the step at this point fail as if the system below had refused it. The name says component and place:
  // "store.before_write".
  virtual Result<void> Reach(std::string_view name) = 0;
};

inline Result<void> ReachFailpoint(Failpoints* failpoints, std::string_view name) {
  if (failpoints == nullptr) [[likely]]
    return {};
  return failpoints->Reach(name);
}

}  // namespace sampan
