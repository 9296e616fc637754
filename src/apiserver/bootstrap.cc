#include "apiserver/bootstrap.h"

#include "api/types/core.h"
#include "api/types/discovery.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/operations.h"
#include "async/spawn.h"
#include "base/log.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kManager = "sampan-apiserver";
constexpr Duration kInterval = std::chrono::seconds(10);

json::Value NamespaceObject(std::string_view name) {
  return json::Object{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", json::Object{{"name", name}}}};
}

json::Value ServiceObject(const BootstrapOptions& options) {
  json::Object port{{"name", "https"}, {"port", 443}, {"protocol", "TCP"}, {"targetPort", int64_t{options.secure_port}}};
  return json::Object{
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", json::Object{{"name", "kubernetes"},
                                {"namespace", "default"},
                                {"labels", json::Object{{"component", "apiserver"}, {"provider", "kubernetes"}}}}},
      {"spec", json::Object{{"type", "ClusterIP"},
                            {"clusterIP", options.service_address},
                            {"clusterIPs", json::Array{json::Value(options.service_address)}},
                            {"ports", json::Array{std::move(port)}},
                            {"sessionAffinity", "None"}}}};
}

json::Object EndpointPort(const BootstrapOptions& options) {
  return {{"name", "https"}, {"port", int64_t{options.secure_port}}, {"protocol", "TCP"}};
}

json::Value EndpointsObject(const BootstrapOptions& options) {
  json::Object subset{{"addresses", json::Array{json::Object{{"ip", options.advertise_address}}}},
                      {"ports", json::Array{EndpointPort(options)}}};
  return json::Object{
      {"apiVersion", "v1"},
      {"kind", "Endpoints"},
      {"metadata", json::Object{{"name", "kubernetes"},
                                {"namespace", "default"},
                                {"labels", json::Object{{"endpointslice.kubernetes.io/skip-mirror", "true"}}}}},
      {"subsets", json::Array{std::move(subset)}}};
}

json::Value SliceObject(const BootstrapOptions& options) {
  json::Object endpoint{{"addresses", json::Array{json::Value(options.advertise_address)}},
                        {"conditions", json::Object{{"ready", true}}}};
  return json::Object{{"apiVersion", "discovery.k8s.io/v1"},
                      {"kind", "EndpointSlice"},
                      {"metadata", json::Object{{"name", "kubernetes"},
                                                {"namespace", "default"},
                                                {"labels", json::Object{{"kubernetes.io/service-name", "kubernetes"}}}}},
                      {"addressType", "IPv4"},
                      {"endpoints", json::Array{std::move(endpoint)}},
                      {"ports", json::Array{EndpointPort(options)}}};
}

enum class IfPresent : bool { kKeep, kUpdate };

Task<Result<void>> Ensure(Registry* registry, const api::KindInfo* kind, json::Value wanted, IfPresent present) {
  auth::UserInfo user;
  user.name = "system:apiserver";
  user.groups = {std::string(auth::kMastersGroup)};
  Call call;
  call.resource = registry->Find(*kind);
  call.user = &user;
  call.field_manager = kManager;
  call.namespace_ = json::FindString(json::Find(wanted, "metadata", "namespace"));
  CO_TRY(json::Value object, api::DecodeObject(*kind, std::move(wanted), {}));
  if (call.resource->cache->Get(call.namespace_, NameOf(object)) == nullptr) {
    auto created = co_await CreateObject(registry, &call, std::move(object));
    if (!created && !created.error().Is(Reason::kAlreadyExists)) co_return Fail(std::move(created).error());
    co_return Result<void>{};
  }
  if (present == IfPresent::kKeep) co_return Result<void>{};
  call.name = NameOf(object);
  bool made = false;
  auto updated = co_await PutObject(registry, &call, std::move(object), &made);
  if (!updated) co_return Fail(std::move(updated).error());
  co_return Result<void>{};
}

}  // namespace

Task<Result<void>> WriteClusterObjects(Registry* registry, BootstrapOptions options) {
  const api::KindInfo* namespaces = &api::KindOf<api::core::Namespace>();
  // Together, so that they share the disk's one flush.
  std::vector<Task<Result<void>>> writes;
  for (std::string_view name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    writes.push_back(Ensure(registry, namespaces, NamespaceObject(name), IfPresent::kKeep));
  }
  std::vector<Result<void>> written = co_await WhenAll(std::move(writes));
  for (Result<void>& one : written) CO_TRY_VOID(std::move(one));

  writes.clear();
  writes.push_back(Ensure(registry, &api::KindOf<api::core::Service>(), ServiceObject(options), IfPresent::kKeep));
  // Nobody but this machine can reach a loopback address, and endpoints may not hold one.
  if (!options.advertise_address.starts_with("127.")) {
    writes.push_back(Ensure(registry, &api::KindOf<api::core::Endpoints>(), EndpointsObject(options), IfPresent::kUpdate));
    writes.push_back(
        Ensure(registry, &api::KindOf<api::discovery::EndpointSlice>(), SliceObject(options), IfPresent::kUpdate));
  }
  written = co_await WhenAll(std::move(writes));
  for (Result<void>& one : written) CO_TRY_VOID(std::move(one));
  co_return Result<void>{};
}

Task<void> KeepClusterObjects(Registry* registry, BootstrapOptions options, CancelToken stop) {
  while (co_await registry->clock().Sleep(kInterval, stop)) {
    auto written = co_await WriteClusterObjects(registry, options);
    if (!written) LOG_WARN("apiserver", "the kubernetes service could not be kept: {}", written.error());
  }
}

}  // namespace sampan::apiserver
