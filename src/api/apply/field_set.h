// A set of field paths, as metav1.FieldsV1 writes it: {"f:spec":{"f:replicas":{}}}.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/json.h"

namespace sampan::api {

struct Type;  // api/schema.h

// One node of the trie of paths; the root stands for the whole object. A child's key is a serialised path element:
// `f:<field>`, `k:<canonical JSON of the list map's keys>`, `v:<JSON of the set's element>` or `i:<index>`.
// Invariants: children are sorted by key and none is empty. A value; not thread-safe while changed.
struct FieldSet {
  struct Child;
  bool member = false;  // the path to this node is itself in the set
  std::vector<Child> children;

  bool Empty() const { return !member && children.empty(); }
  const FieldSet* Find(std::string_view key) const;  // null when absent
  FieldSet& Insert(std::string_view key);            // finds or adds; the caller must then make the child non-empty
  // For building: adds at the end, whatever the order and whether the key is there; valid until the next call. Settle
  // restores the invariants, equal keys united, when all is added. n elements in any order cost n log n.
  FieldSet& Append(std::string key);
  void Settle();
  bool Covers(const FieldSet& other) const;  // a superset

  // BadRequest when the value is no FieldsV1.
  static Result<FieldSet> FromFieldsV1(const json::Value& fields);
  json::Value ToFieldsV1(boost::json::storage_ptr storage = {}) const;

  bool operator==(const FieldSet& other) const;
};

struct FieldSet::Child {
  std::string key;
  FieldSet set;
  bool operator==(const Child&) const = default;
};

FieldSet UnionOf(FieldSet a, const FieldSet& b);
FieldSet UnionOfAll(std::vector<FieldSet> sets);
FieldSet IntersectionOf(const FieldSet& a, const FieldSet& b);
FieldSet DifferenceOf(const FieldSet& a, const FieldSet& b);           // of the paths themselves
FieldSet RecursiveDifferenceOf(const FieldSet& a, const FieldSet& b);  // a path of b takes everything below it along

// Calls `visit` with each member's path as users read it: `.spec.containers[name="web"].image`.
void ForEachPath(const FieldSet& set, const std::function<void(const std::string& path)>& visit);
size_t CountPaths(const FieldSet& set);  // how often that calls

// Every field that `object` sets: leaves, atomic lists and maps whole, keyed items with their keys.
FieldSet FieldsOf(const Type& type, const json::Value& object);

// The same straight as FieldsV1, without metadata's system fields, apiVersion, kind and the top-level fields in
// `ignored`: what a new object's creator owns. This is the create path: one pass, no FieldSet.
json::Value FieldsV1Of(const Type& type, const json::Value& object, std::vector<std::string_view> ignored,
                       boost::json::storage_ptr storage = {});

// The set without what nobody owns: apiVersion, kind, metadata's system fields and the top-level fields in `ignored`.
FieldSet WithoutSystemFields(FieldSet set, std::span<const std::string_view> ignored);

struct FieldChanges {
  FieldSet added;
  FieldSet modified;
  FieldSet removed;
};
// What changes between two states of an object.
FieldChanges CompareFields(const Type& type, const json::Value& before, const json::Value& after);

}  // namespace sampan::api
