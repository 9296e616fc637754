#include "apiserver/proxy/connections.h"

namespace sampan::apiserver {

std::shared_ptr<net::Client> ProxyConnections::Keep(Held& held, const std::string& key, net::ClientOptions options) {
  auto found = held.clients.find(key);
  if (found != held.clients.end()) return found->second;
  // Pods come and go; their clients must not add up. Those in use live on with their requests.
  if (held.clients.size() >= kMaxClients) held.clients.clear();
  options.max_idle_connections = 2;
  std::shared_ptr<net::Client> client = net::NewClient(loops_, std::move(options));
  held.clients.emplace(key, client);
  return client;
}

void ProxyConnections::SetKubeletTls(std::shared_ptr<const net::TlsClientOptions> tls) {
  auto held = held_.Lock();
  held->kubelet_tls = std::move(tls);
  held->clients.clear();  // those in use live on with their requests
}

std::shared_ptr<net::Client> ProxyConnections::Kubelet(const std::string& host, uint16_t port, const std::string& node) {
  net::ClientOptions options;
  options.host = host;
  options.port = port;
  auto held = held_.Lock();
  auto tls = held->kubelet_tls == nullptr ? net::TlsClientOptions() : *held->kubelet_tls;
  tls.server_name = node;
  options.tls = std::make_shared<const net::TlsClientOptions>(std::move(tls));
  return Keep(*held, fmt::format("node/{}/{}:{}", node, host, port), std::move(options));
}

std::shared_ptr<net::Client> ProxyConnections::Plain(const std::string& host, uint16_t port, Scheme scheme) {
  net::ClientOptions options;
  options.host = host;
  options.port = port;
  if (scheme == Scheme::kHttps) {
    net::TlsClientOptions tls;
    tls.skip_verify = true;  // a pod's certificate is its own business, as for kube-apiserver
    options.tls = std::make_shared<const net::TlsClientOptions>(std::move(tls));
  }
  return Keep(*held_.Lock(), fmt::format("{}/{}:{}", scheme == Scheme::kHttps ? "https" : "http", host, port),
              std::move(options));
}

}  // namespace sampan::apiserver
