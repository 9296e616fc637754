#include "apiserver/proxy/connections.h"

namespace sampan::apiserver {

std::shared_ptr<net::Client> ProxyConnections::Keep(const std::string& key, net::ClientOptions options) {
  auto clients = clients_.Lock();
  auto found = clients->find(key);
  if (found != clients->end()) return found->second;
  // Pods come and go; their clients must not add up. Those in use live on with their requests.
  if (clients->size() >= kMaxClients) clients->clear();
  options.max_idle_connections = 2;
  std::shared_ptr<net::Client> client = net::NewClient(loops_, std::move(options));
  clients->emplace(key, client);
  return client;
}

std::shared_ptr<net::Client> ProxyConnections::Kubelet(const std::string& host, uint16_t port, const std::string& node) {
  net::ClientOptions options;
  options.host = host;
  options.port = port;
  auto tls = kubelet_tls_ == nullptr ? net::TlsClientOptions() : *kubelet_tls_;
  tls.server_name = node;
  options.tls = std::make_shared<const net::TlsClientOptions>(std::move(tls));
  return Keep(fmt::format("node/{}/{}:{}", node, host, port), std::move(options));
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
  return Keep(fmt::format("{}/{}:{}", scheme == Scheme::kHttps ? "https" : "http", host, port), std::move(options));
}

}  // namespace sampan::apiserver
