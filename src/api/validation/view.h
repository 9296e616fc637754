// A field of an object under validation: its value, which may be absent, and its path. Internal to api/validation.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/validation/causes.h"
#include "api/validation/names.h"
#include "codec/json.h"

namespace sampan::api {

// A child refers to its parent's path, so the parent must be a variable that outlives it; `a["b"]["c"]` does not compile.
class View {
 public:
  View(const json::Value* value, const Path& path) : value_(value), path_(path) {}

  View operator[](std::string_view field) const& {
    return {value_ == nullptr ? nullptr : json::Find(*value_, field), Path(path_, field)};
  }
  View operator[](std::string_view field) const&& = delete;
  View Key(std::string_view key) const& {
    return {value_ == nullptr ? nullptr : json::Find(*value_, key), Path::Key(path_, key)};
  }
  View Key(std::string_view key) const&& = delete;

  const Path& path() const { return path_; }
  bool Present() const { return value_ != nullptr && !value_->is_null(); }
  const json::Value& Value() const {  // for messages
    static const json::Value kNull;
    return value_ == nullptr ? kNull : *value_;
  }
  const json::Value* Raw() const { return value_; }

  std::string_view Str() const { return json::FindString(value_); }
  std::optional<int64_t> MaybeInt() const {
    if (value_ == nullptr) return {};
    if (value_->is_int64()) return value_->get_int64();
    if (value_->is_uint64()) return INT64_MAX;
    return {};
  }
  int64_t Int() const { return MaybeInt().value_or(0); }
  bool True() const { return value_ != nullptr && value_->is_bool() && value_->get_bool(); }
  // Absent, null, "", [] or {}.
  bool Empty() const {
    if (!Present()) return true;
    if (value_->is_string()) return value_->get_string().empty();
    return Size() == 0 && !value_->is_primitive();
  }
  size_t Size() const {
    if (value_ == nullptr) return 0;
    if (value_->is_array()) return value_->get_array().size();
    return value_->is_object() ? value_->get_object().size() : 0;
  }

  // function(View element) of a list.
  template <class Function>
  void ForEach(Function function) const {
    const json::Array* list = value_ == nullptr ? nullptr : value_->if_array();
    if (list == nullptr) return;
    for (size_t i = 0; i < list->size(); ++i) {
      View element(&(*list)[i], Path(path_, i));
      function(element);
    }
  }
  // function(std::string_view key, View value) of a map, its path being map[key].
  template <class Function>
  void ForEachKey(Function function) const {
    const json::Object* map = value_ == nullptr ? nullptr : value_->if_object();
    if (map == nullptr) return;
    for (const auto& member : *map) {
      View value(&member.value(), Path::Key(path_, member.key()));
      function(std::string_view(member.key()), value);
    }
  }

 private:
  const json::Value* value_;
  Path path_;
};

// Reports `field` as Required when empty, as Invalid when `check` finds a fault.
void RequireName(const View& field, names::Check check, Causes& causes);
// Reports a present, non-empty field that `check` faults.
void CheckName(const View& field, names::Check check, Causes& causes);
// Reports an empty field as Required and any other value as Unsupported; OneOf lets the empty one pass.
void RequireOneOf(const View& field, std::vector<std::string_view> supported, Causes& causes);
void OneOf(const View& field, std::vector<std::string_view> supported, Causes& causes);
void NonNegative(const View& field, Causes& causes);
void Positive(const View& field, Causes& causes);
void InRange(const View& field, int64_t low, int64_t high, Causes& causes);  // absent passes
void PortNumber(const View& field, Causes& causes);                          // absent is 0 and fails
void PortNumberOrName(const View& field, Causes& causes);
// A field that an update may not change: Invalid "field is immutable".
void Immutable(const View& field, const View& old, Causes& causes);
bool Same(const View& a, const View& b);  // absent, null and empty are alike

// A whole number or "25%". Returns the percentage or number; reports what is neither.
struct IntOrPercent {
  int64_t value = 0;
  bool percent = false;
};
IntOrPercent CheckIntOrPercent(const View& field, Causes& causes);

// metav1 parts shared by kinds.
void CheckLabels(const View& labels, Causes& causes);
void CheckAnnotations(const View& annotations, Causes& causes);
void CheckLabelSelector(const View& selector, Causes& causes);
bool SelectorMatches(const json::Value& selector,
                     const json::Value* labels);  // a metav1.LabelSelector; an empty one matches all
void CheckLabelKey(const View& field, Causes& causes);

}  // namespace sampan::api
