// Starts components in order, stops them in reverse, and records how long each took.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "async/clock.h"
#include "async/task.h"
#include "base/error.h"

namespace sampan::daemon {

struct Component {
  std::string name;
  std::function<Task<Result<void>>()> start;  // returns once the component serves
  std::function<Task<void>()> stop;           // returns once nothing of it runs; may be empty
};

// Used by one coroutine at a time.
class Supervisor {
 public:
  explicit Supervisor(Clock& clock) : clock_(clock) {}

  void Add(Component component) { components_.push_back(std::move(component)); }
  // Starts all in the order of Add. At the first failure stops what was started and returns the error, named.
  Task<Result<void>> Start();
  Task<void> Stop();

 private:
  Clock& clock_;
  std::vector<Component> components_;
  size_t started_ = 0;
};

}  // namespace sampan::daemon
