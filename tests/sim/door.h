// The network between a server and its clients. Clients of a door keep working across servers: they fail while there is
// none, and what was under way when a server dies is lost, as with a broken connection.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "apiserver/server.h"
#include "async/gate.h"
#include "client/client.h"
#include "sim/faults.h"

namespace sampan::sim {

class DoorWatch;

// One thread.
class Door {
 public:
  Door(Clock& clock, Faults& faults) : clock_(clock), faults_(faults) {}

  // A server and the requests that it still serves.
  struct Life {
    explicit Life(apiserver::ApiServer& server) : server(server) {}
    apiserver::ApiServer& server;
    bool cut = false;
    Gate calls;
    std::list<DoorWatch*> watches;  // in the order in which they were opened
  };
  std::shared_ptr<Life> Open(apiserver::ApiServer& server) { return life_ = std::make_shared<Life>(server); }
  // Requests get no answer any more; watches end.
  void Cut();
  void BreakWatches();

  // Who stands behind it: null when there is no server.
  const std::shared_ptr<Life>& life() const { return life_; }
  Clock& clock() { return clock_; }
  Faults& faults() { return faults_; }

  // Whether one machine is cut off from the servers.
  using Link = std::shared_ptr<bool>;  // true: broken
  std::unique_ptr<client::Client> ClientFor(apiserver::auth::UserInfo user, Link link = nullptr);

 private:
  Clock& clock_;
  Faults& faults_;
  std::shared_ptr<Life> life_;
};

}  // namespace sampan::sim
