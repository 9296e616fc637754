// Collects what is wrong with an object, field by field, in the words that users of Kubernetes know.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/json.h"

namespace sampan::api {

// A place in an object as a chain on the stack: nothing is allocated until a fault is reported. A Path must not outlive
// its parent, so it is built where it is used: `Path spec(root, "spec"); Check(Path(spec, "replicas"))`.
class Path {
 public:
  Path() = default;                                                                               // the object itself
  explicit Path(std::string_view field) : name_(field) {}                                         // a top-level field
  Path(const Path& parent, std::string_view field) : parent_(&parent), name_(field) {}            // parent.field
  Path(const Path& parent, size_t index) : parent_(&parent), index_(static_cast<long>(index)) {}  // parent[3]
  static Path Key(const Path& parent, std::string_view key) { return {parent, key, true}; }       // parent[key]
  std::string ToString() const;

 private:
  Path(const Path& parent, std::string_view name, bool key) : parent_(&parent), name_(name), key_(key) {}
  const Path* parent_ = nullptr;
  std::string_view name_;
  long index_ = -1;
  bool key_ = false;
};

// The value of an invalid field as messages show it: strings quoted, everything else as JSON; the beginning of a long one.
struct BadValue {
  BadValue(const json::Value& value);
  BadValue(std::string_view value);
  BadValue(const std::string& value) : BadValue(std::string_view(value)) {}
  BadValue(const char* value) : BadValue(std::string_view(value)) {}
  BadValue(bool value) : text(value ? "true" : "false") {}
  BadValue(int value) : text(std::to_string(value)) {}
  BadValue(size_t value) : text(std::to_string(value)) {}
  BadValue(int64_t value) : text(std::to_string(value)) {}
  std::string text;
};

// Keeps as many causes as an answer can show, and counts the others, so that a list of a hundred thousand bad elements costs
// no more than a look at each.
class Causes {
 public:
  void Required(const Path& path, std::string_view detail = {});
  void Invalid(const Path& path, const BadValue& value, std::string_view detail);
  void TypeInvalid(const Path& path, const BadValue& value, std::string_view detail);
  void NotSupported(const Path& path, const BadValue& value, std::vector<std::string_view> supported);
  void Duplicate(const Path& path, const BadValue& value);
  void NotFound(const Path& path, const BadValue& value);
  void Forbidden(const Path& path, std::string_view detail);
  void TooLong(const Path& path, size_t max_bytes);
  void TooMany(const Path& path, size_t count, size_t max_items);

  bool empty() const { return causes_.empty(); }
  size_t size() const { return causes_.size(); }
  const std::vector<ErrorCause>& list() const { return causes_; }

  // `Deployment.apps "x" is invalid: [spec.a: Required value, ...]`, reason Invalid, details with all causes.
  Error ToError(std::string_view group, std::string_view kind, std::string_view name) &&;

 private:
  void Add(std::string_view type, std::string_view label, const Path& path, std::string message);
  std::vector<ErrorCause> causes_;
  size_t shown_ = 0;    // bytes of them
  size_t omitted_ = 0;  // how many more there are
};

}  // namespace sampan::api
