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
      : loops_(loops), kubelet_tls_(std::move(kubelet_tls)) {}

  // Shows the server's client certificate and demands the node's name in the node's.
  std::shared_ptr<net::Client> Kubelet(const std::string& host, uint16_t port, const std::string& node);
  enum class Scheme : bool { kHttp, kHttps };
  std::shared_ptr<net::Client> Plain(const std::string& host, uint16_t port, Scheme scheme);

 private:
  static constexpr size_t kMaxClients = 256;
  std::shared_ptr<net::Client> Keep(const std::string& key, net::ClientOptions options);

  IoLoops& loops_;
  const std::shared_ptr<const net::TlsClientOptions> kubelet_tls_;
  Guarded<std::map<std::string, std::shared_ptr<net::Client>>> clients_;
};

}  // namespace sampan::apiserver
