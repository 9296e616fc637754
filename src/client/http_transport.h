// A Client over HTTP against any Kubernetes API server.
#pragma once

#include <memory>
#include <string>

#include "client/client.h"
#include "client/kubeconfig.h"

namespace sampan::client {

struct HttpClientOptions {
  std::string user_agent = "sampan";
  Duration timeout = std::chrono::seconds(30);  // of a request; watches have none
  size_t max_response_bytes = 512u << 20;
};

// BadRequest for a server URL or PEM that cannot be used. Connects when first used. Thread-safe.
Result<std::unique_ptr<Client>> NewHttpClient(ClientConfig config, HttpClientOptions options = {});

// "/api/v1/namespaces/default/pods/web-0/status": where a reference lives on the server.
std::string ResourcePath(const Ref& ref);

}  // namespace sampan::client
