#include "apiserver/http/handlers.h"

namespace sampan::apiserver {

namespace {

struct Check {
  std::string_view name;
  bool healthy;
};

std::vector<Check> Checks(HttpContext& context, std::string_view endpoint) {
  std::vector<Check> checks = {{"ping", true}, {"log", true}, {"etcd", !context.registry.storage().Health()}};
  if (endpoint == "livez") return checks;
  bool loaded = true;
  for (const Resource& resource : context.registry.resources()) loaded = loaded && resource.cache->IsReady();
  checks.push_back({"informer-sync", loaded});
  checks.push_back({"poststarthook/start-cluster-objects", context.ready.load()});
  if (endpoint == "readyz") checks.push_back({"shutdown", !context.gate.stopping()});
  return checks;
}

net::Response Report(std::string_view endpoint, const std::vector<Check>& checks, const Query& query) {
  std::vector<std::string_view> excluded = query.All("exclude");
  std::string text;
  bool healthy = true;
  for (const Check& check : checks) {
    if (std::find(excluded.begin(), excluded.end(), check.name) != excluded.end()) {
      text += fmt::format("[+]{} excluded: ok\n", check.name);
    } else if (check.healthy) {
      text += fmt::format("[+]{} ok\n", check.name);
    } else {
      text += fmt::format("[-]{} failed: reason withheld\n", check.name);
      healthy = false;
    }
  }
  if (!healthy) return TextResponse(500, fmt::format("{}{} check failed\n", text, endpoint));
  return TextResponse(200, query.Has("verbose") ? fmt::format("{}{} check passed\n", text, endpoint) : "ok");
}

}  // namespace

std::optional<net::Response> HandleHealth(HttpContext* context, const Exchange& exchange) {
  std::string_view path = exchange.info().path;
  for (std::string_view endpoint : {"healthz", "livez", "readyz"}) {
    if (path.size() <= endpoint.size() || path.substr(1, endpoint.size()) != endpoint) continue;
    std::string_view rest = path.substr(1 + endpoint.size());
    if (!rest.empty() && rest.front() != '/') continue;
    if (exchange.request.method != "GET" && exchange.request.method != "HEAD") {
      return TextResponse(405, "405 method not allowed\n");
    }
    std::vector<Check> checks = Checks(*context, endpoint);
    if (rest.empty() || rest == "/") return Report(endpoint, checks, exchange.query);
    for (const Check& check : checks) {
      if (check.name == rest.substr(1)) return Report(endpoint, {check}, exchange.query);
    }
    return TextResponse(404, "404 page not found\n");
  }
  return std::nullopt;
}

}  // namespace sampan::apiserver
