// Field selectors: "metadata.name=web,status.phase!=Running,spec.nodeName=".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "api/object.h"
#include "base/error.h"

namespace sampan::api {

// A conjunction of comparisons; without any it selects everything. Immutable once made, thread-safe.
class FieldSelector {
 public:
  struct Requirement {
    std::string path;
    std::string value;
    bool equal = true;  // false: must differ
    bool operator==(const Requirement&) const = default;
  };

  FieldSelector() = default;
  // BadRequest for malformed text.
  static Result<FieldSelector> Parse(std::string_view text);
  static FieldSelector Of(std::vector<Requirement> requirements);
  // BadRequest, with kube-apiserver's text, when the kind does not offer one of the paths.
  Result<void> CheckSupported(const KindInfo& kind) const;

  // Replaces every path by what `path` makes of it: a selector of one published form becomes one of another.
  void Rename(std::string_view (*path)(std::string_view));

  // The paths must be supported.
  bool Matches(const KindInfo& kind, const Object& object) const;
  bool IsEverything() const { return requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }
  // The value that `path` must equal, null when nothing demands equality: for index look-ups.
  const std::string* RequiredValue(std::string_view path) const;
  std::string ToString() const;

 private:
  std::vector<Requirement> requirements_;
};

// The value that selectors and indexes compare: text as it is, booleans and integers printed, absent ones as "false" and
// "0" where the field's type says so, else "". `path` is metadata.name, metadata.namespace or one of
// kind.selectable_fields.
std::string SelectableValue(const KindInfo& kind, const Object& object, std::string_view path);

}  // namespace sampan::api
