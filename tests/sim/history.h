// Everything that ever became durable, in order: what the rest of a run is judged by.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace sampan::sim {

// One thread.
class History {
 public:
  struct Entry {
    store::Revision revision = 0;
    store::Event::Type type = store::Event::Type::kPut;
    bool creation = false;
    std::string key;
  };

  // What a store held before the run.
  void Begin(const store::KeyValue& kv, store::Revision revision);
  // The store's events as they are delivered. What is wrong with them goes to violations().
  void Append(const store::Event& event);
  // What a store that was just opened holds: exactly what was durable.
  void ExpectState(const store::RangeResult& everything);

  store::Revision last() const { return last_; }
  const std::vector<Entry>& entries() const { return entries_; }
  // The entries of one resource, by its prefix (store/keys.h).
  const std::vector<Entry>& Of(const std::string& prefix) const;
  // The keys of one resource and their revisions as they were at `revision`, which is not before the run's beginning.
  std::map<std::string, store::Revision> StateAt(const std::string& prefix, store::Revision revision) const;
  uint64_t digest() const { return digest_; }
  std::vector<std::string>& violations() { return violations_; }

 private:
  void CheckPod(const store::Event& event);

  struct Held {
    store::Revision revision = 0;
    size_t value_hash = 0;
  };
  struct BoundPod {
    std::string node, uid;
    int64_t milli_cpu = 0;
    bool ended = false;
  };
  std::vector<Entry> entries_;
  mutable std::map<std::string, std::vector<Entry>> by_prefix_;
  std::map<std::string, Held> state_;
  std::map<std::string, store::Revision> begin_;
  std::map<std::string, BoundPod> pods_;  // by key
  store::Revision last_ = 0;
  uint64_t digest_ = 0;
  std::vector<std::string> violations_;
};

// Nodes of the simulation have this much.
inline constexpr int64_t kNodeMilliCpu = 2000;

}  // namespace sampan::sim
