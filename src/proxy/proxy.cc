#include "proxy/proxy.h"

#include <algorithm>

#include "api/types/core.h"
#include "api/types/discovery.h"
#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "proxy/plain.h"

namespace sampan::proxy {

namespace {

constexpr std::string_view kServiceLabel = "kubernetes.io/service-name";
constexpr std::string_view kServiceIndex = "service";
constexpr std::string_view kZoneLabel = "topology.kubernetes.io/zone";
constexpr Duration kFirstRetry = std::chrono::milliseconds(100);
constexpr Duration kLastRetry = std::chrono::seconds(10);

std::string ServiceOf(const api::Object& slice) {
  const std::string* name = api::FindIn(slice.head().labels, kServiceLabel);
  return name == nullptr ? std::string() : client::KeyOf(slice.namespace_(), *name);
}

bool HasUdp(const std::vector<ServicePort>& ports) {
  return std::any_of(ports.begin(), ports.end(), [](const ServicePort& port) { return port.protocol == "udp"; });
}

std::vector<const api::discovery::EndpointSlice*> Typed(const std::vector<client::ObjectPtr>& objects) {
  std::vector<const api::discovery::EndpointSlice*> slices;
  slices.reserve(objects.size());
  for (const client::ObjectPtr& slice : objects) slices.push_back(&slice->As<api::discovery::EndpointSlice>());
  return slices;
}

void Add(std::vector<ServicePort>& all, std::vector<ServicePort> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

Proxy::Proxy(client::InformerFactory& informers, Executor& pool, BlockingPool& blocking, Clock& clock, Kernel& kernel,
             HealthPorts* health, ProxyOptions options)
    : informers_(informers),
      blocking_(blocking),
      clock_(clock),
      kernel_(kernel),
      health_(health),
      options_(std::move(options)),
      strand_(NewStrand(pool)) {}

Proxy::~Proxy() = default;

Task<Result<void>> Proxy::Run(CancelToken stop) {
  return RunOn(*strand_, DoRun(std::move(stop)));
}

Task<Result<void>> Proxy::DoRun(CancelToken stop) {
  Result<void> followed = co_await Contained("proxy", Follow(std::move(stop)));
  if (health_ != nullptr) co_await health_->Stop();
  co_return followed;
}

Task<Result<void>> Proxy::Follow(CancelToken stop) {
  CO_TRY(LocalReplies replies, co_await blocking_.Run([this] { return kernel_.Prepare(); }));
  local_replies_ = replies;
  services_ = &informers_.ForKind(api::KindOf<api::core::Service>());
  slices_ = &informers_.ForKind(api::KindOf<api::discovery::EndpointSlice>());
  node_ = &informers_.ForKind(api::KindOf<api::core::Node>(), {.field_selector = "metadata.name=" + options_.node_name});
  slices_->cache().AddIndex(std::string(kServiceIndex), [](const api::Object& slice, std::vector<std::string>& keys) {
    std::string service = ServiceOf(slice);
    if (!service.empty()) keys.push_back(std::move(service));
  });
  auto service_changes =
      services_->Subscribe(*strand_, {.added = [this](const auto& service) { Mark(client::KeyOf(*service)); },
                                      .updated = [this](const auto&, const auto& service) { Mark(client::KeyOf(*service)); },
                                      .deleted = [this](const auto& service) { Mark(client::KeyOf(*service)); }});
  auto slice_changes = slices_->Subscribe(*strand_, {.added = [this](const auto& slice) { MarkSlice(slice); },
                                                     .updated =
                                                         [this](const auto& before, const auto& after) {
                                                           MarkSlice(before);
                                                           MarkSlice(after);
                                                         },
                                                     .deleted = [this](const auto& slice) { MarkSlice(slice); }});
  auto node_changes =
      node_->Subscribe(*strand_, {.added = [this](const auto&) { node_changed_ = true, Mark({}); },
                                  .updated = [this](const auto&, const auto&) { node_changed_ = true, Mark({}); },
                                  .deleted = {}});
  // Rules of half of the services would cut off the other half.
  for (client::ObjectInformer* informer : {services_, slices_, node_}) {
    bool synced = co_await informer->WaitSynced(stop);
    if (!synced) co_return Result<void>();
  }
  Configure();
  Duration retry = kFirstRetry;
  while (!stop.Requested()) {
    bool succeeded = false;
    try {
      succeeded = co_await Sync();
    } catch (...) {
      // Nobody knows which of the changes were taken over.
      (void)ReportEscape("proxy sync");
      for (const client::ObjectPtr& service : services_->cache().List()) dirty_.insert(client::KeyOf(*service));
    }
    if (succeeded) {
      retry = kFirstRetry;
      co_await WaitForWork(options_.sync_period, stop);
      co_await clock_.Sleep(options_.min_sync_interval, stop);
    } else {
      co_await clock_.Sleep(retry, stop);
      retry = std::min(retry * 2, kLastRetry);
    }
  }
  co_return Result<void>();
}

Task<void> Proxy::WaitForWork(Duration limit, CancelToken stop) {
  if (!dirty_.empty() || stop.Requested()) co_return;
  Oneshot<bool> woken;
  waker_ = woken.sender();
  Clock::TimerId timer = clock_.After(limit, [sender = woken.sender()]() mutable { sender.Set(false); });
  auto stopping = stop.OnCancel([sender = woken.sender()]() mutable { sender.Set(false); });
  bool changed = co_await woken.Wait();
  waker_.reset();
  clock_.Cancel(timer);
  if (!changed && !stop.Requested()) co_await CheckTables();
}

void Proxy::Mark(std::string service) {
  dirty_.insert(std::move(service));
  if (waker_) waker_->Set(true);
}

void Proxy::MarkSlice(const client::ObjectPtr& slice) {
  std::string service = ServiceOf(*slice);
  if (!service.empty()) Mark(std::move(service));
}

NodeInfo Proxy::ReadNode(IpFamily family) const {
  NodeInfo info{.name = options_.node_name};
  client::ObjectPtr object = node_->cache().Get("", options_.node_name);
  if (object == nullptr) return info;
  const auto& node = object->As<api::core::Node>();
  if (const std::string* zone = api::FindIn(node.metadata.labels, kZoneLabel)) info.zone = *zone;
  std::vector<std::string> cidrs = node.spec.pod_cidrs;
  if (cidrs.empty() && !node.spec.pod_cidr.empty()) cidrs.push_back(node.spec.pod_cidr);
  for (const std::string& cidr : cidrs) {
    if (std::optional<std::string> plain = PlainRange(cidr, family)) info.pod_cidr = *std::move(plain);
  }
  return info;
}

// Takes the node's facts over. When they changed, every service is planned anew.
void Proxy::Configure() {
  node_changed_ = false;
  for (IpFamily family : options_.families) {
    NodeInfo node = ReadNode(family);
    RulesConfig config{.family = family,
                       .cluster_cidr = family == IpFamily::kIpv4 ? options_.cluster_cidr : options_.cluster_cidr6,
                       .pod_cidr = node.pod_cidr,
                       .masquerade_pods = options_.masquerade_pods,
                       .local_replies = local_replies_,
                       .local_cluster_ips = options_.local_cluster_ips};
    if (!options_.service_cidr.empty() && FamilyOf(options_.service_cidr) == family) {
      config.service_cidr = options_.service_cidr;
    }
    for (const KeptPort& kept : options_.kept) {
      if (kept.address.empty() || FamilyOf(kept.address) == family) config.kept.insert(kept);
    }
    auto table = tables_.find(family);
    if (table != tables_.end() && table->second.rules.config() == config && nodes_[family] == node) continue;
    nodes_[family] = std::move(node);
    tables_.insert_or_assign(family, Table{RuleSet(std::move(config)), false});
    for (const client::ObjectPtr& service : services_->cache().List()) dirty_.insert(client::KeyOf(*service));
  }
}

std::vector<client::ObjectPtr> Proxy::SlicesOf(const std::string& service) const {
  return slices_->cache().ByIndex(kServiceIndex, service);
}

std::vector<ServicePort> Proxy::Resolve(const std::string& service, IpFamily family) const {
  client::ObjectPtr object = services_->cache().GetByKey(service);
  if (object == nullptr) return {};
  std::vector<client::ObjectPtr> slices = SlicesOf(service);
  const auto& typed = object->As<api::core::Service>();
  if (AsksTooMuch(typed, Typed(slices))) LOG_WARN("proxy", "service {} is left out: too many ports and addresses", service);
  return ResolveService(typed, Typed(slices), nodes_.at(family), family);
}

void Proxy::NoteHealth(const std::string& service) {
  health_checks_.erase(service);
  client::ObjectPtr object = services_->cache().GetByKey(service);
  if (object == nullptr) return;
  std::vector<client::ObjectPtr> slices = SlicesOf(service);
  std::optional<LocalHealth> health = LocalHealthOf(object->As<api::core::Service>(), Typed(slices), options_.node_name);
  if (!health) return;
  HealthCheck check{object->namespace_(), object->name(), health->ready};
  health_checks_.emplace(service, std::pair(health->port, std::move(check)));
}

// Until the rules have failed for a while, what the load balancers know stays true.
Task<void> Proxy::AnswerHealthChecks(const std::set<std::string>& changed, bool succeeded) {
  MonoTime now = clock_.Monotonic();
  if (succeeded) failing_since_.reset();
  if (!succeeded && !failing_since_) failing_since_ = now;
  if (health_ == nullptr) co_return;
  bool had_some = !health_checks_.empty();
  for (const std::string& service : changed) NoteHealth(service);
  if (!had_some && health_checks_.empty()) co_return;
  bool failing = failing_since_ && now - *failing_since_ > 2 * options_.sync_period;
  std::map<uint16_t, HealthCheck> checks;
  for (const auto& [service, check] : health_checks_) checks.insert(check);
  co_await health_->Set(std::move(checks), failing ? ProxyHealth::kFailing : ProxyHealth::kWorking);
}

// One transaction a family for everything that changed. False when one failed; what it held is then part of the next.
Task<bool> Proxy::Sync() {
  MonoTime start = clock_.Monotonic();
  if (node_changed_) Configure();
  std::set<std::string> changed = std::exchange(dirty_, {});
  changed.erase("");
  std::map<std::string, std::vector<ServicePort>> udp_ports;
  bool succeeded = true;
  bool lost = false;  // a service: it keeps the rules that it had, and is tried again
  for (auto& [family, table] : tables_) {
    std::map<std::string, ServiceRules> rules;
    for (const std::string& service : changed) {
      bool whole = Contain("proxied service", [&] {
        std::vector<ServicePort> ports = Resolve(service, family);
        rules[service] = PlanService(ports, table.rules.config());
        if (HasUdp(ports) || udp_ports_.contains(service)) Add(udp_ports[service], std::move(ports));
      });
      if (whole) continue;
      lost = true;
      rules.erase(service);
      dirty_.insert(service);
    }
    Result<void> applied = co_await ApplyTable(&table, table.rules.Update(std::move(rules)));
    if (!applied) {
      LOG_ERROR("proxy", "cannot set the packet filter: {}", applied.error());
      succeeded = false;
    }
  }
  for (auto& [service, ports] : udp_ports) {
    stale_.Note(udp_ports_[service], ports);
    if (HasUdp(ports)) {
      udp_ports_[service] = std::move(ports);
    } else {
      udp_ports_.erase(service);
    }
  }
  if (succeeded) co_await ForgetStaleFlows();
  co_await AnswerHealthChecks(changed, succeeded);
  Record(start, succeeded);
  co_return succeeded && !lost;
}

Task<Result<void>> Proxy::ApplyTable(Table* table, Commands commands) {
  if (table->rendered && !commands.change.empty()) {
    Result<void> applied = co_await blocking_.Run([this, &commands] { return kernel_.Apply(commands.change); });
    if (!applied) {
      // Somebody else may have changed the table: make it anew.
      LOG_WARN("proxy", "a change of the packet filter failed, all of it is set again: {}", applied.error());
      table->rendered = false;
    }
  }
  if (!table->rendered) {
    stats_.Lock()->full_syncs++;
    auto apply = [this, text = table->rules.Render()] { return kernel_.Apply(text); };
    CO_TRY_VOID(co_await blocking_.Run(std::move(apply)));
    table->rendered = true;
    if (table->rules.config().family == IpFamily::kIpv4) co_await OpenLoopback();
    co_return Result<void>();
  }
  if (!commands.sweep.empty()) {
    Result<void> swept = co_await blocking_.Run([this, &commands] { return kernel_.Apply(commands.sweep); });
    // What stays behind is referred to by nothing; the next full sync drops it.
    if (!swept) LOG_DEBUG("proxy", "unused chains stay behind: {}", swept.error());
  }
  co_return Result<void>();
}

// A kernel that refuses it only loses node ports on 127.0.0.1.
Task<void> Proxy::OpenLoopback() {
  auto opened = co_await blocking_.Run([this] { return kernel_.SetLoopbackRoute(LoopbackRoute::kOpen); });
  if (!opened) LOG_WARN("proxy", "node ports will not answer on 127.0.0.1: {}", opened.error());
}

// Finds out when somebody flushed the rules.
Task<void> Proxy::CheckTables() {
  for (auto& [family, table] : tables_) {
    Result<bool> there = co_await blocking_.Run([this, f = family] { return kernel_.HasTable(f); });
    if (there && !*there) table.rendered = false;
  }
}

Task<void> Proxy::ForgetStaleFlows() {
  if (stale_.empty()) co_return;
  StaleFlows stale = std::exchange(stale_, {});
  auto forgotten = co_await blocking_.Run(
      [this, &stale] { return kernel_.ForgetUdpFlows([&stale](const os::Flow& flow) { return stale.Contains(flow); }); });
  if (!forgotten) LOG_WARN("proxy", "stale UDP flows may live on: {}", forgotten.error());
}

void Proxy::Record(MonoTime start, bool succeeded) {
  Duration took = clock_.Monotonic() - start;
  auto stats = stats_.Lock();
  stats->syncs++;
  if (!succeeded) stats->failures++;
  stats->ready |= succeeded;
  stats->last_duration = took;
  stats->total_duration += took;
  stats->services = tables_.empty() ? 0 : tables_.begin()->second.rules.services();
}

Task<void> Proxy::Cleanup() {
  for (IpFamily family : options_.families) {
    auto removed = co_await blocking_.Run([this, family] { return RemoveTable(kernel_, family); });
    if (!removed) LOG_WARN("proxy", "cannot remove the packet filter's table: {}", removed.error());
  }
}

ProxyStats Proxy::stats() const {
  return *stats_.ReadLock();
}

}  // namespace sampan::proxy
