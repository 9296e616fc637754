// The node agent: what makes a machine a node of the cluster. It runs the pods that are bound to its node over the container
// runtime, tells the API how they and the node are, and serves the kubelet API (logs, exec, attach, port-forward).
//
//   node::Agent agent({.client = *client, .informers = informers, ...}, options);
//   Result<void> ended = co_await agent.Run(stop);
#pragma once

#include <map>
#include <memory>
#include <string>

#include "async/clock.h"
#include "async/io_loop.h"
#include "async/pool.h"
#include "base/rng.h"
#include "client/client.h"
#include "client/informer.h"
#include "net/pki.h"
#include "node/paths.h"

namespace sampan::node {

struct AgentOptions {
  Paths paths;
  std::string node_name;         // empty: the host's name
  std::string node_ip;           // empty: the address on the default route
  std::string runtime_endpoint;  // empty: containerd is started and supervised here
  std::string cluster_dns;       // pods' nameserver, "10.96.0.10"; empty: pods get the host's resolv.conf
  std::string cluster_domain = "cluster.local";
  std::string cluster_cidr = "10.244.0.0/16";  // of all pods; empty: the node waits for no range
  std::string service_cidr;                    // of all cluster IPs: no pod's host port is there; empty when unknown
  std::string cni_bin_dir = "/usr/lib/cni";
  std::string cni_conf_dir;  // empty: below paths.data, with a bridge configuration of our own
  std::string bridge_name = "sampan0";
  uint16_t port = 10250;
  std::string bind_address = "0.0.0.0";
  std::map<std::string, std::string> labels;  // given to the node when it is registered
  int64_t max_pods = 110;
  int64_t pod_max_pids = 0;    // processes and threads of a pod; 0: by what the machine has; -1: no limit
  std::string static_pod_dir;  // manifests of static pods; empty: none
  enum class Role : unsigned char { kWorker, kControlPlane };
  Role role = Role::kWorker;
};

struct AgentDeps {
  client::Client& client;
  client::InformerFactory& informers;
  Clock& clock;
  Rng& rng;
  Executor& strand;  // runs one thing at a time: what knows the pods
  BlockingPool& blocking;
  IoLoops& loops;
  net::KeyPair serving;       // the kubelet API's certificate, for the node's name and address
  std::string client_ca_pem;  // signs the certificates of the kubelet API's clients
};

class Agent {
 public:
  Agent(AgentDeps deps, AgentOptions options);  // what is borrowed outlives it
  ~Agent();                                     // after Run has ended

  // Starts everything and runs until `stop`; containers go on afterwards, and the next Run finds them again. An error when
  // it cannot start: no runtime, port in use.
  Task<Result<void>> Run(CancelToken stop);

  // The kubelet API serves new connections with this certificate: the node's was renewed. Any thread.
  Result<void> SetServing(net::KeyPair serving, std::string client_ca_pem);

  // Whether the node has been registered and the runtime answers. Any thread.
  bool ready() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Ends all pods, containerd, their mounts, interfaces and cgroups: nothing of the agent is left but its data. For
// `make down`, with no agent running. Goes on after a failure; the first is returned.
Task<Result<void>> TearDown(BlockingPool* blocking, Clock* clock, AgentOptions options);

}  // namespace sampan::node
