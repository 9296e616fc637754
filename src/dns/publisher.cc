#include "dns/publisher.h"

#include "api/types/core.h"
#include "api/types/discovery.h"
#include "base/log.h"
#include "client/typed.h"
#include "dns/config.h"

namespace sampan::dns {

namespace {

using api::core::Service;
using api::discovery::EndpointSlice;

constexpr std::string_view kServiceLabel = "kubernetes.io/service-name";
constexpr const char* kNamespace = "kube-system";
constexpr const char* kName = "kube-dns";
constexpr const char* kCoreDns = "coredns";
constexpr Duration kFirstRetry = std::chrono::milliseconds(200);
constexpr Duration kLastRetry = std::chrono::seconds(10);

Service KubeDnsService(const PublisherOptions& options) {
  Service service;
  service.metadata.namespace_ = kNamespace;
  service.metadata.name = kName;
  service.metadata.labels["k8s-app"] = kName;
  service.metadata.labels["kubernetes.io/cluster-service"] = "true";
  service.metadata.labels["kubernetes.io/name"] = "CoreDNS";
  service.spec.type = "ClusterIP";
  service.spec.cluster_ip = options.cluster_ips.front();
  service.spec.cluster_ips = options.cluster_ips;
  service.spec.ports.push_back({.name = "dns", .protocol = "UDP", .port = 53, .target_port = api::IntOrString(53)});
  service.spec.ports.push_back({.name = "dns-tcp", .protocol = "TCP", .port = 53, .target_port = api::IntOrString(53)});
  return service;
}

EndpointSlice SliceOf(const PublisherOptions& options) {
  EndpointSlice slice;
  slice.metadata.namespace_ = kNamespace;
  slice.metadata.name = fmt::format("{}-{}", kName, options.node_name);
  slice.metadata.labels[kServiceLabel] = kName;
  slice.metadata.labels["endpointslice.kubernetes.io/managed-by"] = "dns.sampan.io";
  slice.address_type = options.node_address.find(':') == std::string::npos ? "IPv4" : "IPv6";
  api::discovery::Endpoint endpoint;
  endpoint.addresses = {options.node_address};
  endpoint.node_name = options.node_name;
  endpoint.conditions = api::discovery::EndpointConditions{true, true, false};
  slice.endpoints.push_back(std::move(endpoint));
  slice.ports.push_back({.name = "dns", .protocol = "UDP", .port = 53});
  slice.ports.push_back({.name = "dns-tcp", .protocol = "TCP", .port = 53});
  return slice;
}

}  // namespace

Publisher::Publisher(client::Client& api, Clock& clock, PublisherOptions options)
    : api_(api), clock_(clock), options_(std::move(options)) {}

Task<void> Publisher::Run(CancelToken stop) {
  Duration retry = kFirstRetry;
  while (!stop.Requested()) {
    Result<void> published = co_await PublishService();
    if (published) published = co_await PublishSlice();
    if (published) published = co_await PublishConfig();
    if (published) co_return;
    LOG_DEBUG("dns", "cannot publish the service kube-dns yet: {}", published.error());
    co_await clock_.Sleep(retry, stop);
    retry = std::min(retry * 2, kLastRetry);
  }
}

Task<Result<void>> Publisher::PublishService() {
  // Not by a try to make it: that fails with the address that the service itself holds.
  auto existing = co_await client::Get<Service>(api_, kNamespace, kName);
  if (!existing && !existing.error().Is(Reason::kNotFound)) co_return Fail(existing.error());
  if (!existing) {
    CO_TRY_VOID(co_await client::Create(api_, KubeDnsService(options_)));
  } else if ((*existing)->spec.cluster_ip != options_.cluster_ips.front()) {
    LOG_WARN("dns", "the service kube-dns has address {}, pods are told to ask {}", (*existing)->spec.cluster_ip,
             options_.cluster_ips.front());
  }
  co_return Result<void>();
}

Task<Result<void>> Publisher::PublishSlice() {
  EndpointSlice wanted = SliceOf(options_);
  auto created = co_await client::Create(api_, wanted);
  if (created) co_return Result<void>();
  if (!created.error().Is(Reason::kAlreadyExists)) co_return Fail(created.error());
  CO_TRY(auto existing, co_await client::Get<EndpointSlice>(api_, kNamespace, wanted.metadata.name));
  if (existing->endpoints == wanted.endpoints && existing->ports == wanted.ports) co_return Result<void>();
  wanted.metadata.resource_version = existing->metadata.resource_version;
  CO_TRY_VOID(co_await client::Update(api_, std::move(wanted)));
  co_return Result<void>();
}

Task<Result<void>> Publisher::PublishConfig() {
  api::core::ConfigMap config;
  config.metadata.namespace_ = kNamespace;
  config.metadata.name = kCoreDns;
  config.data["Corefile"] = DefaultCorefile(options_.cluster_domain);
  auto created = co_await client::Create(api_, std::move(config));
  if (!created && !created.error().Is(Reason::kAlreadyExists)) co_return Fail(created.error());
  co_return Result<void>();
}

}  // namespace sampan::dns
