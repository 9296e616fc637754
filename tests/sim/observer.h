// A client that lists and watches one kind for the whole run and checks every word it is told against the history.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "async/clock.h"
#include "client/client.h"
#include "sim/history.h"

namespace sampan::sim {

class Observer {
 public:
  Observer(client::Client& client, Clock& clock, const History& history, const api::KindInfo& kind);

  // Lists, watches, resumes, lists again when the place is lost.
  Task<void> Run(CancelToken stop);

  // What it was told, once nothing changes any more, is everything.
  void ExpectComplete();
  std::vector<std::string>& violations() { return violations_; }

 private:
  Task<bool> List();
  Task<void> Watch(CancelToken stop);
  void Take(const client::WatchEvent& event);
  void Skip(api::Revision up_to);
  void Complain(std::string what);

  client::Client& client_;
  Clock& clock_;
  const History& history_;
  const api::KindInfo& kind_;
  const std::string prefix_;
  api::Revision revision_ = 0;  // 0: must list
  size_t next_ = 0;             // of the history's entries of the kind
  std::vector<std::string> violations_;
};

}  // namespace sampan::sim
