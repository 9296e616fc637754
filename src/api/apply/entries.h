// metadata.managedFields, decoded. Internal to api/apply.
#pragma once

#include <string>
#include <vector>

#include "api/apply/field_set.h"
#include "base/error.h"
#include "codec/json.h"

namespace sampan::api {

struct Entry {
  std::string manager;
  std::string operation;  // "Apply" or "Update"
  std::string api_version;
  std::string time;
  std::string subresource;
  FieldSet set;

  // A manager that applies is the same whatever the version; one that updates has an entry a version.
  bool SameManager(const Entry& other) const;
};

struct Entries {
  std::vector<Entry> list;

  // BadRequest for a malformed list; empty when there is none.
  static Result<Entries> Read(const json::Value& object);
  static bool Present(const json::Value& object);     // a list with at least one element
  static bool WantsReset(const json::Value& object);  // [] or [{}]: the client asks to forget

  Entry* Find(const Entry& like);  // null when absent
  Entry& FindOrAdd(const Entry& like);
  // Drops empty entries, folds the oldest updaters beyond ten into "ancient-changes", and sorts.
  void Tidy();
  void Write(json::Value& object) const;
};

}  // namespace sampan::api
