#include "proxy/health.h"

#include "base/guarded.h"
#include "base/log.h"
#include "net/server.h"

namespace sampan::proxy {

namespace {

constexpr int kOk = 200;
constexpr int kUnavailable = 503;

struct State {
  HealthCheck check;
  ProxyHealth proxy = ProxyHealth::kWorking;
};
using SharedState = std::shared_ptr<Guarded<State>>;

Task<void> Answer(net::ResponseWriter* writer, State state) {
  bool good = state.check.local_endpoints > 0 && state.proxy == ProxyHealth::kWorking;
  net::Response response;
  response.status = good ? kOk : kUnavailable;
  response.headers.Add("content-type", "application/json");
  response.headers.Add("x-content-type-options", "nosniff");
  response.headers.Add("x-load-balancing-endpoint-weight", std::to_string(state.check.local_endpoints));
  response.body.push_back(net::Chunk::Copy(HealthText(state.check, state.proxy)));
  co_await writer->Respond(std::move(response));
}

class Ports final : public HealthPorts {
 public:
  explicit Ports(IoLoops& loops) : loops_(loops) {}

  Task<void> Set(std::map<uint16_t, HealthCheck> checks, ProxyHealth proxy) override {
    std::map<uint16_t, Port> gone;
    for (auto it = ports_.begin(); it != ports_.end();) {
      auto next = std::next(it);
      if (!checks.contains(it->first)) gone.insert(ports_.extract(it));
      it = next;
    }
    for (auto& [number, check] : checks) {
      Port& port = ports_[number];
      if (port.state == nullptr) port.state = std::make_shared<Guarded<State>>();
      *port.state->Lock() = {std::move(check), proxy};
      if (port.server == nullptr) Listen(number, port);
    }
    for (auto& [number, port] : gone) {
      if (port.server != nullptr) co_await port.server->Stop({});
    }
  }

  bool Listening(uint16_t port) const override {
    auto found = ports_.find(port);
    return found != ports_.end() && found->second.server != nullptr;
  }
  Task<void> Stop() override { return Set({}, ProxyHealth::kWorking); }

 private:
  struct Port {
    SharedState state;
    std::unique_ptr<net::Server> server;  // null: could not listen
  };

  void Listen(uint16_t number, Port& port) {
    net::ServerOptions options{.port = number, .max_connections = 100};
    options.idle_timeout = std::chrono::seconds(10);
    auto server = net::Listen(loops_, std::move(options), [state = port.state](net::Request&, net::ResponseWriter& writer) {
      return Answer(&writer, *state->ReadLock());
    });
    if (!server) LOG_WARN("proxy", "no health checks on port {}: {}", number, server.error());
    if (server) port.server = *std::move(server);
  }

  IoLoops& loops_;
  std::map<uint16_t, Port> ports_;
};

}  // namespace

std::string HealthText(const HealthCheck& check, ProxyHealth proxy) {
  return fmt::format(
      "{{\n\t\"service\": {{\n\t\t\"namespace\": \"{}\",\n\t\t\"name\": \"{}\"\n\t}},\n\t\"localEndpoints\": {},\n"
      "\t\"serviceProxyHealthy\": {}\n}}",
      check.namespace_, check.service, check.local_endpoints, proxy == ProxyHealth::kWorking);
}

std::unique_ptr<HealthPorts> NewHealthPorts(IoLoops& loops) {
  return std::make_unique<Ports>(loops);
}

}  // namespace sampan::proxy
