// HTTP clients towards nodes and pods, kept per address so that their connections are used again.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "async/io_loop.h"
#include "base/guarded.h"
#include "net/client.h"

namespace sampan::apiserver {

// Thread-safe.
class ProxyConnections {
 public:
  // `loops` outlive the requests.
  ProxyConnections(IoLoops& loops, std::shared_ptr<const net::TlsClientOptions> kubelet_tls)
      : loops_(loops), held_(Held{std::move(kubelet_tls), {}}) {}

  // For connections to kubelets that are made from now on.
  void SetKubeletTls(std::shared_ptr<const net::TlsClientOptions> tls);

  // Shows the server's client certificate and demands the node's name in the node's.
  std::shared_ptr<net::Client> Kubelet(const std::string& host, uint16_t port, const std::string& node);
  enum class Scheme : bool { kHttp, kHttps };
  std::shared_ptr<net::Client> Plain(const std::string& host, uint16_t port, Scheme scheme);

 private:
  static constexpr size_t kMaxClients = 256;
  // Together: no client of an old certificate is kept after a new one has come.
  struct Held {
    std::shared_ptr<const net::TlsClientOptions> kubelet_tls;
    std::map<std::string, std::shared_ptr<net::Client>> clients;
  };
  std::shared_ptr<net::Client> Keep(Held& held, const std::string& key, net::ClientOptions options);

  IoLoops& loops_;
  Guarded<Held> held_;
};

}  // namespace sampan::apiserver
