// A person with a namespace: deploys, scales, changes, deletes, and remembers what the server acknowledged.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "async/clock.h"
#include "client/client.h"
#include "sim/faults.h"

namespace sampan::sim {

// One thread.
class User {
 public:
  User(client::Client& client, Clock& clock, Faults& faults, std::string namespace_);

  // Works until `stop`, then ends what was begun.
  Task<void> Live(CancelToken stop);
  // Once nothing goes wrong any more: what it was promised is still there.
  Task<void> ExpectPromises();
  std::vector<std::string>& violations() { return violations_; }

 private:
  // What an object may be now: "absent", or what of it the user decided. More than one after a request without an answer.
  using Possible = std::set<std::string>;
  struct Thing {
    const api::KindInfo* kind = nullptr;
    std::string name;
    bool operator<(const Thing& other) const {
      return std::tie(kind->resource, name) < std::tie(other.kind->resource, other.name);
    }
  };

  Task<void> Step();
  Task<void> ConfigMapStep();
  Task<void> DeploymentStep();
  Task<void> ServiceStep();
  Task<void> PodStep();
  Task<void> MakeNamespace();
  Task<void> ReplaceNamespace();
  template <class T>
  void Learn(const Thing& thing, const Result<T>& answer, std::string wanted);
  Task<void> Look(Thing thing);
  Task<void> Remove(Thing thing);
  Task<void> Pause(Duration least, Duration most);
  client::Ref Ref(const Thing& thing) const { return {thing.kind, namespace_, thing.name, ""}; }
  Possible& PossibleOf(const Thing& thing);

  client::Client& client_;
  Clock& clock_;
  Faults& faults_;
  const std::string namespace_;
  int counter_ = 0;
  int bare_ = 0;  // pods of nobody's that it made and has not ended
  std::map<Thing, Possible> things_;
  std::vector<std::string> violations_;
};

}  // namespace sampan::sim
