#include "dns/dns.h"

#include "api/types/core.h"
#include "api/types/discovery.h"
#include "async/contain.h"
#include "async/spawn.h"
#include "base/log.h"
#include "dns/records.h"

namespace sampan::dns {

namespace {

using api::core::Namespace;
using api::core::Service;
using api::discovery::EndpointSlice;

constexpr std::string_view kServiceLabel = "kubernetes.io/service-name";
constexpr std::string_view kServiceIndex = "service";
constexpr const char* kNamespace = "kube-system";
constexpr const char* kCoreDns = "coredns";  // ConfigMaps
constexpr const char* kCoreDnsCustom = "coredns-custom";
constexpr const char* kKubeDns = "kube-dns";
constexpr Duration kFirstRetry = std::chrono::milliseconds(200);
constexpr Duration kLastRetry = std::chrono::seconds(10);

std::string ServiceOf(const api::Object& slice) {
  const std::string* name = api::FindIn(slice.head().labels, kServiceLabel);
  return name == nullptr ? std::string() : client::KeyOf(slice.namespace_(), *name);
}

ZoneOptions ZoneOf(const DnsOptions& options) {
  ZoneOptions zone{.domain = options.cluster_domain};
  for (const std::string& text : options.cluster_ips) {
    std::optional<IpAddress> address = IpAddress::Parse(text);
    if (address) zone.server_addresses.push_back(*address);
  }
  return zone;
}

Task<void> UntilRequested(CancelToken stop) {
  Oneshot<bool> requested;
  auto subscription = stop.OnCancel([sender = requested.sender()]() mutable { sender.Set(true); });
  co_await requested.Wait();
}

}  // namespace

Dns::Dns(client::InformerFactory& informers, Executor& pool, BlockingPool& blocking, Clock& clock, Rng& rng,
         HostAddresses* host, DnsOptions options)
    : informers_(informers),
      blocking_(blocking),
      clock_(clock),
      rng_(rng),
      host_(host),
      options_(std::move(options)),
      strand_(NewStrand(pool)),
      zone_(ZoneOf(options_)) {}

Dns::~Dns() = default;

Task<Result<void>> Dns::Run(CancelToken stop) {
  return RunOn(*strand_, DoRun(std::move(stop)));
}

Task<Result<void>> Dns::DoRun(CancelToken stop) {
  Result<void> served = co_await Contained("dns", Serve(std::move(stop)));
  // However it ended: a server that nobody keeps up to date would answer with what was.
  port_ = 0;
  if (server_ != nullptr) co_await server_->Stop();
  server_.reset();
  loops_.reset();
  co_return served;
}

Task<Result<void>> Dns::Serve(CancelToken stop) {
  services_ = &informers_.ForKind(api::KindOf<Service>());
  slices_ = &informers_.ForKind(api::KindOf<EndpointSlice>());
  client::ObjectInformer& namespaces = informers_.ForKind(api::KindOf<Namespace>());
  slices_->cache().AddIndex(std::string(kServiceIndex), [](const api::Object& slice, std::vector<std::string>& keys) {
    std::string service = ServiceOf(slice);
    if (!service.empty()) keys.push_back(std::move(service));
  });
  auto refresh = [this](const client::ObjectPtr& service) { Refresh(client::KeyOf(*service)); };
  auto refresh_of = [this](const client::ObjectPtr& slice) { RefreshOf(slice); };
  auto service_changes = services_->Subscribe(
      *strand_, {.added = refresh, .updated = [refresh](const auto&, const auto& s) { refresh(s); }, .deleted = refresh});
  auto slice_changes = slices_->Subscribe(*strand_, {.added = refresh_of,
                                                     .updated =
                                                         [refresh_of](const auto& before, const auto& after) {
                                                           if (ServiceOf(*before) != ServiceOf(*after)) refresh_of(before);
                                                           refresh_of(after);
                                                         },
                                                     .deleted = refresh_of});
  auto namespace_changes =
      namespaces.Subscribe(*strand_, {.added = [this](const auto& ns) { zone_.Lock()->AddNamespace(ns->name()); },
                                      .updated = {},
                                      .deleted = [this](const auto& ns) { zone_.Lock()->RemoveNamespace(ns->name()); }});
  std::vector<client::Subscription> config_changes;
  for (const char* name : {kCoreDns, kCoreDnsCustom, kKubeDns}) config_changes.push_back(FollowConfig(name));
  // A server that knows half of the services would deny the other half.
  for (client::ObjectInformer* informer : {services_, slices_, &namespaces}) {
    bool synced = co_await informer->WaitSynced(stop);
    if (!synced) co_return Result<void>();
  }
  Duration retry = kFirstRetry;
  while (!stop.Requested()) {
    Result<void> opened = co_await Open();
    if (opened) break;
    LOG_ERROR("dns", "cannot serve the cluster's names: {}", opened.error());
    co_await clock_.Sleep(retry, stop);
    retry = std::min(retry * 2, kLastRetry);
  }
  co_await UntilRequested(stop);
  co_return Result<void>();
}

Task<Result<void>> Dns::Open() {
  if (host_ != nullptr) {
    CO_TRY_VOID(co_await blocking_.Run([this]() -> Result<void> {
      for (const std::string& address : options_.cluster_ips) TRY_VOID(host_->Add(address));
      return {};
    }));
  }
  if (loops_ == nullptr) loops_ = std::make_unique<IoLoops>(1, "dns");
  ServerOptions server{.addresses = options_.cluster_ips, .port = options_.port};
  server.forwarder.upstreams = options_.upstreams;
  server.forwarder.resolv_conf = options_.resolv_conf;
  server.forwarder.excluded = options_.cluster_ips;
  server.forwarder.zones = config_.forwards;
  CO_TRY(server_, Listen(loops_->at(0), zone_, clock_, rng_, std::move(server)));
  port_ = server_->port();
  LOG_INFO("dns", "serving {} on {} port {}", options_.cluster_domain, fmt::join(options_.cluster_ips, ", "), port());
  co_return Result<void>();
}

// Brings the zone's record of one service up to date with the caches.
void Dns::Refresh(const std::string& key) {
  client::ObjectKey name = client::SplitKey(key);
  client::ObjectPtr object = services_->cache().GetByKey(key);
  std::optional<ServiceRecord> record;
  if (object != nullptr) {
    const auto& service = object->As<Service>();
    std::vector<client::ObjectPtr> objects;
    // Endpoints are names of headless services only; those of others are not even decoded.
    if (service.spec.cluster_ip == "None") objects = slices_->cache().ByIndex(kServiceIndex, key);
    std::vector<const EndpointSlice*> slices;
    for (const client::ObjectPtr& slice : objects) slices.push_back(&slice->As<EndpointSlice>());
    record = RecordOf(service, slices);
  }
  if (record) {
    zone_.Lock()->SetService(name.namespace_, name.name, *std::move(record));
  } else {
    zone_.Lock()->RemoveService(name.namespace_, name.name);
  }
}

void Dns::RefreshOf(const client::ObjectPtr& slice) {
  std::string key = ServiceOf(*slice);
  if (key.empty()) return;
  client::ObjectPtr service = services_->cache().GetByKey(key);
  if (service != nullptr && service->As<Service>().spec.cluster_ip == "None") Refresh(key);
}

client::Subscription Dns::FollowConfig(const std::string& name) {
  client::InformerOptions only{.namespace_ = kNamespace, .field_selector = "metadata.name=" + name};
  client::ObjectInformer& informer = informers_.ForKind(api::KindOf<api::core::ConfigMap>(), std::move(only));
  auto take = [this, name](const client::ObjectPtr& object) {
    const auto& data = object->As<api::core::ConfigMap>().data;
    config_data_[name] = ConfigData(data.begin(), data.end());
    ReadConfig();
  };
  return informer.Subscribe(*strand_, {.added = take,
                                       .updated = [take](const auto&, const auto& after) { take(after); },
                                       .deleted =
                                           [this, name](const auto&) {
                                             config_data_.erase(name);
                                             ReadConfig();
                                           }});
}

// Takes over what the ConfigMaps say; what is malformed changes nothing.
void Dns::ReadConfig() {
  Result<NamesConfig> read = ParseConfig(config_data_[kCoreDns], config_data_[kCoreDnsCustom], config_data_[kKubeDns]);
  if (!read) {
    LOG_WARN("dns", "the configuration in {} stays as it was: {}", kNamespace, read.error());
    return;
  }
  if (*read == config_) return;
  for (const std::string& remark : read->remarks) LOG_WARN("dns", "configuration: {}", remark);
  config_ = *std::move(read);
  zone_.Lock()->SetLocalNames(config_.local);
  if (server_ != nullptr) server_->SetForwards(config_.forwards);
}

Task<void> Dns::Cleanup() {
  if (host_ == nullptr) co_return;
  Result<void> removed = co_await blocking_.Run([this]() -> Result<void> {
    for (const std::string& address : options_.cluster_ips) TRY_VOID(host_->Remove(address));
    return {};
  });
  if (!removed) LOG_WARN("dns", "cannot remove the service's address: {}", removed.error());
}

}  // namespace sampan::dns
