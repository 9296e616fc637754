// Label selectors: "app=web,tier!=db,env in (dev,qa),!canary,cpus>4", and metav1.LabelSelector.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/meta/map.h"
#include "base/error.h"

namespace sampan::api {

namespace meta {
struct LabelSelector;  // api/types/meta.h
}

// A conjunction of requirements; without any it selects everything. Immutable once made, cheap to match, thread-safe.
class LabelSelector {
 public:
  enum class Op : unsigned char { kIn, kNotIn, kExists, kDoesNotExist, kGreaterThan, kLessThan };
  struct Requirement {
    std::string key;
    Op op = Op::kIn;
    std::vector<std::string> values;  // sorted; "a=b" is kIn with one
    int64_t number = 0;               // of kGreaterThan and kLessThan
    bool operator==(const Requirement&) const = default;
  };

  LabelSelector() = default;  // everything
  static LabelSelector Nothing();
  static LabelSelector FromMap(const StringMap& labels);  // all of these labels, as a Service selects
  // BadRequest in the words of Kubernetes.
  static Result<LabelSelector> Parse(std::string_view text);
  // An empty selector selects everything. BadRequest for an unknown operator or wrong values.
  static Result<LabelSelector> From(const meta::LabelSelector& selector);

  bool Matches(const StringMap& labels) const;
  bool IsEverything() const { return !nothing_ && requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }
  std::string ToString() const;  // canonical: sorted by key, parsed back to an equal selector

  bool operator==(const LabelSelector&) const = default;

 private:
  bool nothing_ = false;
  std::vector<Requirement> requirements_;
};

}  // namespace sampan::api
