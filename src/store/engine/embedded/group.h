// One group of writes, decided without touching the disk: preconditions against the newest revisions, revisions assigned
// in order of arrival. Pure but for the index, which a failed commit rolls back.
#pragma once

#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "async/oneshot.h"
#include "store/engine/embedded/database.h"
#include "store/store.h"

namespace sampan::store::embedded {

struct Latest {
  Revision mod = 0;
  Revision create = 0;
};

// The newest revision of every key that exists. Values stay on disk: the watch cache keeps them already.
class Index {
 public:
  const Latest* Find(std::string_view key) const;  // null when absent
  void Set(std::string_view key, Latest latest);
  void Erase(std::string_view key);
  size_t size() const { return map_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  boost::unordered_flat_map<std::string, Latest, Hash, std::equal_to<>> map_;
};

struct WriteRequest {
  RecordType type = RecordType::kValue;
  std::string key;
  Bytes value;
  Precondition precondition;
};

struct Group {
  std::vector<Write> writes;
  std::vector<Result<Revision>> outcomes;  // one for each request
  struct Undo {
    std::string key;
    Latest before;  // mod 0: the key was absent
  };
  std::vector<Undo> undo;
};

// Decides `requests` in order on top of `index`, which then holds the state after the group. Revisions follow `last`.
Group StageGroup(std::vector<WriteRequest> requests, Index& index, Revision last);
void RollBack(const Group& group, Index& index);
// What a write did to the index, for writes found in the log.
void ApplyToIndex(const Event& event, Index& index);

std::vector<Event> EventsOf(const Group& group);

}  // namespace sampan::store::embedded
