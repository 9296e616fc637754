// Makes services reachable from this node: kube-proxy's job. It watches Services and EndpointSlices and keeps a table of
// the kernel's packet filter equal to them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/cancel.h"
#include "async/clock.h"
#include "async/executor.h"
#include "async/pool.h"
#include "async/task.h"
#include "base/guarded.h"
#include "client/informer.h"
#include "proxy/health.h"
#include "proxy/kernel.h"
#include "proxy/rule_set.h"
#include "proxy/stale_flows.h"

namespace sampan::proxy {

struct ProxyOptions {
  std::string node_name;
  std::string cluster_cidr;                              // of all IPv4 pods, "10.244.0.0/16"; empty when unknown
  std::string cluster_cidr6;                             // of all IPv6 pods
  std::set<IpFamily> families = {IpFamily::kIpv4};       // tables that are kept
  MasqueradePods masquerade_pods = MasqueradePods::kNo;  // kYes when the pod network does not do it (CNI without ipMasq)
  std::set<std::string> local_cluster_ips;               // served by this host itself, as the cluster DNS's is
  std::string service_cidr;                              // of all cluster IPs; empty when unknown
  std::set<KeptPort> kept;                               // ports that no service's external address may take
  Duration min_sync_interval = std::chrono::milliseconds(5);  // changes that come within it share a transaction
  Duration sync_period = std::chrono::seconds(30);            // the table's presence is checked at least this often
};

struct ProxyStats {
  uint64_t syncs = 0;
  uint64_t failures = 0;
  uint64_t full_syncs = 0;  // transactions that made the whole table
  Duration last_duration{0};
  Duration total_duration{0};
  size_t services = 0;
  bool ready = false;  // the table showed every service at least once
};

// One instance a node. All references outlive it; Run ends before it dies.
class Proxy {
 public:
  // `health` may be null: then nobody answers at the services' health check ports.
  Proxy(client::InformerFactory& informers, Executor& pool, BlockingPool& blocking, Clock& clock, Kernel& kernel,
        HealthPorts* health, ProxyOptions options);
  ~Proxy();

  // Works until `stop`. The table stays, so that a restart interrupts nothing. Failures of single syncs are logged and
  // tried again; an error is returned only when the host cannot be prepared at all. Called once.
  Task<Result<void>> Run(CancelToken stop);

  // Removes the tables. Not while Run works.
  Task<void> Cleanup();

  ProxyStats stats() const;  // any thread

 private:
  struct Table {
    RuleSet rules;
    bool rendered = false;  // false: the kernel's table is absent or not known to equal `rules`
  };

  Task<Result<void>> DoRun(CancelToken stop);
  Task<Result<void>> Follow(CancelToken stop);
  Task<void> WaitForWork(Duration limit, CancelToken stop);
  Task<bool> Sync();
  Task<Result<void>> ApplyTable(Table* table, Commands commands);
  Task<void> OpenLoopback();
  Task<void> CheckTables();
  Task<void> ForgetStaleFlows();
  Task<void> AnswerHealthChecks(const std::set<std::string>& changed, bool succeeded);
  void MarkSlice(const client::ObjectPtr& slice);
  void Mark(std::string service);
  void Configure();
  std::vector<client::ObjectPtr> SlicesOf(const std::string& service) const;
  std::vector<ServicePort> Resolve(const std::string& service, IpFamily family) const;
  void NoteHealth(const std::string& service);
  NodeInfo ReadNode(IpFamily family) const;
  void Record(MonoTime start, bool succeeded);

  client::InformerFactory& informers_;
  BlockingPool& blocking_;
  Clock& clock_;
  Kernel& kernel_;
  HealthPorts* const health_;
  const ProxyOptions options_;
  std::unique_ptr<Executor> strand_;
  Guarded<ProxyStats> stats_;

  // Of the strand.
  client::ObjectInformer* services_ = nullptr;
  client::ObjectInformer* slices_ = nullptr;
  client::ObjectInformer* node_ = nullptr;
  LocalReplies local_replies_ = LocalReplies::kSeen;
  std::map<IpFamily, Table> tables_;
  std::map<IpFamily, NodeInfo> nodes_;
  std::set<std::string> dirty_;
  bool node_changed_ = false;
  std::map<std::string, std::vector<ServicePort>> udp_ports_;  // of services with UDP, as last applied
  StaleFlows stale_;
  std::map<std::string, std::pair<uint16_t, HealthCheck>> health_checks_;  // by service
  std::optional<MonoTime> failing_since_;
  std::optional<Oneshot<bool>::Sender> waker_;
};

}  // namespace sampan::proxy
