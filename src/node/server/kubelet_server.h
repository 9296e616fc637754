// The kubelet API that the API server calls: logs, exec, attach, port-forward, what runs here and how much it uses.
#pragma once

#include <memory>

#include "async/io_loop.h"
#include "net/server.h"
#include "node/logs/log_reader.h"
#include "node/pods/manager.h"
#include "node/registration/registrar.h"
#include "node/server/access.h"

namespace sampan::cri {
class OperationStats;
}

namespace sampan::node {

// The options of a request for logs. BadRequest for what is none, Invalid for what is out of range. Pure.
Result<LogOptions> LogOptionsOf(std::string_view query, WallTime now);

// Who is let in: access.h. Handlers run on the connections' loops and enter the pods' strand for what they need.
class KubeletServer {
 public:
  struct Deps {
    PodServices& services;
    PodManager& pods;
    IoLoops& loops;
    const cri::OperationStats& operations;  // told by /metrics
  };
  explicit KubeletServer(Deps deps)
      : deps_(deps), access_(deps.services.client, deps.services.clock, deps.services.node_name) {}

  // ServiceUnavailable when the port is taken.
  Result<void> Start(net::ServerOptions options);
  Task<void> Stop();
  // For connections from now on. After Start.
  Result<void> SetTls(std::shared_ptr<const net::TlsServerOptions> tls) { return server_->SetTls(std::move(tls)); }
  uint16_t port() const { return server_->port(); }

 private:
  struct Place;  // the container or sandbox that a request is about
  Task<void> Handle(net::Request& request, net::ResponseWriter& writer);
  Task<void> Serve(net::Request& request, net::ResponseWriter& writer);
  Task<void> Route(net::Request& request, net::ResponseWriter& writer, std::vector<std::string> path);
  Task<void> Logs(net::Request& request, net::ResponseWriter& writer, std::vector<std::string> path);
  Task<void> Stream(net::Request& request, net::ResponseWriter& writer, std::vector<std::string> path);
  Task<Result<std::string>> StreamUrl(std::string kind, Place place, std::string query);
  Task<void> Pods(net::ResponseWriter& writer);
  Task<void> ResourceMetrics(net::ResponseWriter& writer);
  Task<void> Summary(net::ResponseWriter& writer);

  // On the pods' strand.
  Task<Result<Place>> Find(std::string namespace_, std::string pod, std::string container, bool previous);
  Task<Result<std::string>> ListPods();

  Deps deps_;
  Access access_;
  std::unique_ptr<net::Server> server_;
};

}  // namespace sampan::node
