// A Client over HTTP against any Kubernetes API server.
#pragma once

#include <memory>
#include <string>

#include "async/clock.h"
#include "client/client.h"
#include "client/kubeconfig.h"

namespace sampan {
class IoLoops;
}

namespace sampan::client {

struct HttpClientOptions {
  std::string user_agent = "sampan";
  Duration timeout = std::chrono::seconds(30);  // of a request; watches have none
  size_t max_response_bytes = 512u << 20;
  size_t max_idle_connections = 64;  // with fewer than run at a time, most requests begin with a TLS handshake
};

// Thread-safe.
class HttpClient : public Client {
 public:
  // Requests from now on go there, as that user, over new connections: certificates are renewed without a new client. What
  // is under way ends where it began. BadRequest for a server URL that cannot be used: everything stays as it was.
  virtual Result<void> SetConfig(ClientConfig config) = 0;
};

// BadRequest for a server URL that cannot be used. Connects when first used; `loops` and `clock` outlive it.
Result<std::unique_ptr<HttpClient>> NewHttpClient(IoLoops& loops, Clock& clock, ClientConfig config,
                                                  HttpClientOptions options = {});

// The parts of "https://host:port/prefix"; the port defaults by scheme.
struct ServerUrl {
  bool tls = true;
  std::string host;
  uint16_t port = 0;
  std::string prefix;  // "/k8s/clusters/c-1", without a slash at its end; may be empty
};
Result<ServerUrl> ParseServerUrl(std::string_view url);

// "/api/v1/namespaces/default/pods/web-0/status": where a reference lives on the server.
std::string ResourcePath(const Ref& ref);

}  // namespace sampan::client
