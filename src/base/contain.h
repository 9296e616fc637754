// The boundary of a unit of work: a request, a reconcile of one key, a pod's worker, a probe, a query. Errors are values;
// what is thrown all the same (a failed allocation, a library's exception, a fault of ours) ends that unit and nothing
// else: it is logged with the place it was thrown from, counted, and the caller answers or tries again. Broken invariants
// are CHECKed and never pass here. For tasks see async/contain.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace sampan {

// In a catch block: logs and counts what was caught, under the kind of unit that is lost ("request", "reconcile", ...).
// Returns the InternalError to answer with; it tells no detail. Thread-safe.
Error ReportEscape(std::string_view unit) noexcept;

// How often something escaped, by kind of unit: the metric sampan_contained_failures_total. Thread-safe.
std::map<std::string, uint64_t> EscapeCounts();

// Runs `work`; false when something escaped it.
template <class F>
bool Contain(std::string_view unit, F&& work) noexcept {
  try {
    std::forward<F>(work)();
    return true;
  } catch (...) {
    (void)ReportEscape(unit);
    return false;
  }
}

// Runs `work`, which returns a Result; what escapes it becomes its error.
template <class F>
auto ContainResult(std::string_view unit, F&& work) noexcept -> decltype(work()) {
  try {
    return std::forward<F>(work)();
  } catch (...) {
    return Fail(ReportEscape(unit));
  }
}

}  // namespace sampan
