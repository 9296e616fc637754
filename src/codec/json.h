// JSON in memory: the value type (Boost.JSON) and the strict reader that every byte from outside passes.
// Integers keep their 64 bits; objects keep the order of their keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "base/error.h"

namespace sampan::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;
using String = boost::json::string;
using Kind = boost::json::kind;

// Of strict decoding, as many faults are reported as kube-apiserver reports.
inline constexpr size_t kMaxDuplicates = 100;

struct ParseOptions {
  size_t max_depth = 500;
  size_t max_bytes = 3 * 1024 * 1024;
  // Filled with the paths of the first duplicated keys ("spec.replicas") when not null; a duplicate's last value wins.
  std::vector<std::string>* duplicates = nullptr;
};

// BadRequest with the place of the fault for malformed text, invalid UTF-8 and too deep nesting; RequestEntityTooLarge
// for too long text.
Result<Value> Parse(std::string_view text, const ParseOptions& options = {});

// Compact, keys in their order. Nothing is escaped but what JSON demands.
std::string Serialize(const Value& value);
void SerializeTo(const Value& value, std::string& out);      // appends
void AppendQuoted(std::string_view text, std::string& out);  // appends one JSON string literal

// Null-tolerant look-ups along a path: Find(v, "spec", "replicas") is null when any step is absent or not an object.
const Value* Find(const Value& value, std::string_view key);
template <class... Rest>
const Value* Find(const Value& value, std::string_view key, Rest... rest) {
  const Value* child = Find(value, key);
  if constexpr (sizeof...(rest) > 0) return child == nullptr ? nullptr : Find(*child, rest...);
  return child;
}
std::string_view FindString(const Value* value, std::string_view fallback = {});  // of a Find result

// Structural equality: 1 and 1.0 are equal, the order of keys does not count.
bool Equal(const Value& a, const Value& b);

}  // namespace sampan::json
