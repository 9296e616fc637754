// How each kind fills its row. Internal to api/table.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/kind.h"
#include "base/time.h"
#include "codec/json.h"

namespace sampan::api::printers {

struct Column {
  std::string_view name;
  std::string_view type;  // "string" or "integer"
  std::string_view description;
  int priority = 0;  // 1: wide output only
};

// Appends the cells of the object in the order of its columns.
using Print = void (*)(const json::Value& object, WallTime now, json::Array& cells);

struct Printer {
  std::string_view group;
  std::string_view kind;
  std::span<const Column> columns;
  Print print;
};

// One table a file.
std::span<const Printer> PodPrinters();
std::span<const Printer> WorkloadPrinters();
std::span<const Printer> NetworkPrinters();
std::span<const Printer> CorePrinters();
std::span<const Printer> RbacPrinters();

inline constexpr std::string_view kNone = "<none>";
inline constexpr Column kName = {"Name", "string", "The object's name, unique among its kind in its namespace"};
inline constexpr Column kAge = {"Age", "string", "Time since the object was created"};

// Null-tolerant readers.
template <class... Keys>
std::string_view Text(const json::Value& value, Keys... keys) {
  return json::FindString(json::Find(value, keys...));
}
template <class... Keys>
int64_t Number(const json::Value& value, Keys... keys) {
  const json::Value* found = json::Find(value, keys...);
  return found != nullptr && found->is_int64() ? found->get_int64() : 0;
}
template <class... Keys>
bool Flag(const json::Value& value, Keys... keys) {
  const json::Value* found = json::Find(value, keys...);
  return found != nullptr && found->is_bool() && found->get_bool();
}
template <class... Keys>
const json::Array& List(const json::Value& value, Keys... keys) {
  static const json::Array kEmpty;
  const json::Value* found = json::Find(value, keys...);
  return found != nullptr && found->is_array() ? found->get_array() : kEmpty;
}
template <class... Keys>
size_t Count(const json::Value& value, Keys... keys) {
  const json::Value* found = json::Find(value, keys...);
  if (found == nullptr) return 0;
  if (found->is_array()) return found->get_array().size();
  return found->is_object() ? found->get_object().size() : 0;
}

void Put(json::Array& cells, std::string_view text);
std::string_view OrNone(std::string_view text);
std::string Since(std::string_view timestamp, WallTime now);   // an age; "<unknown>" for an empty time
std::string Age(const json::Value& object, WallTime now);      // since metadata.creationTimestamp
std::string FormatLabels(const json::Value* labels);           // "a=b,c=d", "<none>"
std::string FormatLabelSelector(const json::Value* selector);  // of a metav1.LabelSelector

}  // namespace sampan::api::printers
