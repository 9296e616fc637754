// The cluster's DNS: CoreDNS' job. One runs on every node, on the address of the kube-dns service, which it makes an
// address of the node's own loopback interface: pods ask the node they run on, so no query crosses the network, and the
// service works while other nodes do not. The proxy leaves that cluster IP alone (ProxyOptions::local_cluster_ips).
//
// kubectl finds the Service kube-dns in kube-system (publisher.h) and the ConfigMap coredns, whose changes take effect at
// once (config.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/cancel.h"
#include "async/clock.h"
#include "async/executor.h"
#include "async/pool.h"
#include "async/task.h"
#include "base/guarded.h"
#include "base/rng.h"
#include "client/informer.h"
#include "dns/config.h"
#include "dns/host.h"
#include "dns/server.h"
#include "dns/zone.h"

namespace sampan::dns {

struct DnsOptions {
  std::string cluster_domain = "cluster.local";
  std::vector<std::string> cluster_ips = {"10.96.0.10"};  // of the kube-dns service
  uint16_t port = 53;
  std::vector<std::string> upstreams;  // empty: those of resolv_conf
  std::string resolv_conf = "/etc/resolv.conf";
};

// All references outlive it; Run ends before it dies.
class Dns {
 public:
  // `host` may be null: then the cluster IPs are addresses of this host already.
  Dns(client::InformerFactory& informers, Executor& pool, BlockingPool& blocking, Clock& clock, Rng& rng,
      HostAddresses* host, DnsOptions options);
  ~Dns();

  // Serves until `stop`; what fails (a busy port, an API that is not there yet) is logged and tried again. Called once.
  Task<Result<void>> Run(CancelToken stop);

  // Takes the addresses off the host. Not while Run works.
  Task<void> Cleanup();

  // The port served; 0 while it is not. Any thread.
  uint16_t port() const { return port_.load(); }
  // Null while it does not serve. Valid until Run ends.
  const ResolverStats* stats() const { return server_ == nullptr ? nullptr : &server_->stats(); }

 private:
  Task<Result<void>> DoRun(CancelToken stop);
  Task<Result<void>> Serve(CancelToken stop);
  Task<Result<void>> Open();
  void ReadConfig();
  client::Subscription FollowConfig(const std::string& name);
  void Refresh(const std::string& key);
  void RefreshOf(const client::ObjectPtr& slice);

  client::InformerFactory& informers_;
  BlockingPool& blocking_;
  Clock& clock_;
  Rng& rng_;
  HostAddresses* const host_;
  const DnsOptions options_;
  std::unique_ptr<Executor> strand_;
  Guarded<Zone> zone_;  // changed on the strand, read by the server
  std::unique_ptr<IoLoops> loops_;
  std::unique_ptr<Server> server_;
  std::atomic<uint16_t> port_{0};

  // Of the strand.
  client::ObjectInformer* services_ = nullptr;
  client::ObjectInformer* slices_ = nullptr;
  std::map<std::string, ConfigData> config_data_;  // of the ConfigMaps, by name
  NamesConfig config_;
};

}  // namespace sampan::dns
