// One leader among several processes, by a Lease (coordination.k8s.io/v1).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "async/clock.h"
#include "base/rng.h"
#include "client/client.h"

namespace sampan::client {

struct LeaderElectionOptions {
  std::string lease_namespace = "kube-system";
  std::string lease_name;
  std::string identity;                                // unique a process
  Duration lease_duration = std::chrono::seconds(15);  // others wait so long after the last renewal they saw
  Duration renew_deadline = std::chrono::seconds(10);  // the leader gives up when it could not renew for so long
  Duration retry_period = std::chrono::seconds(2);
};

// Others' clocks are never compared with ours: a lease counts as expired when it has not changed for lease_duration by our
// own monotonic clock.
class LeaderElector {
 public:
  LeaderElector(Client& client, Clock& clock, Rng& rng, LeaderElectionOptions options);
  ~LeaderElector();

  // Acquires the lease, runs `lead` with a token that is cancelled when the lease is lost or `stop` comes, waits for its
  // end, and starts over until `stop`. The lease is released on `stop`, and when `lead` ended by itself or something escaped
  // it.
  using Lead = std::function<Task<void>(CancelToken leading)>;
  Task<void> Run(Lead lead, CancelToken stop);

  bool leading() const;        // thread-safe
  std::string leader() const;  // identity of the last leader seen; thread-safe

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sampan::client
