#include <sys/utsname.h>

#include "apiserver/errors.h"
#include "apiserver/http/discovery.h"
#include "apiserver/http/encode.h"
#include "apiserver/http/handlers.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kOpenApiV2Protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

std::string_view Rest(std::string_view path, std::string_view prefix) {
  path.remove_prefix(std::min(path.size(), prefix.size()));
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// The document, or 304 when the client has it already.
net::Response Tagged(const Exchange& exchange, std::string document, std::string_view content_type) {
  std::string tag = EntityTag(document);
  net::Response response;
  if (exchange.request.headers.Get("if-none-match") == tag) {
    response.status = 304;
  } else {
    response.headers.Add("content-type", std::string(content_type));
    response.body.push_back(net::Chunk::Copy(std::move(document)));
  }
  response.headers.Add("etag", std::move(tag));
  response.headers.Add("vary", "Accept");
  response.headers.Add("cache-control", "no-cache, private");
  return response;
}

Answer Plain(const Exchange& exchange, std::string document) {
  if (document.empty()) return TextResponse(404, "404 page not found\n");
  return Tagged(exchange, std::move(document), "application/json");
}

Answer Discovery(const HttpContext& context, const Exchange& exchange) {
  std::string_view path = exchange.info().path;
  while (path.ends_with('/')) path.remove_suffix(1);
  std::string_view version = AggregatedDiscoveryVersion(exchange.request.headers.Get("accept"));
  bool roots = path == "/api" || path == "/apis";
  if (roots && !version.empty()) {
    DiscoveryRoot root = path == "/api" ? DiscoveryRoot::kApi : DiscoveryRoot::kApis;
    return Tagged(exchange, AggregatedDocument(context.kinds, root, version),
                  fmt::format("application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList", version));
  }
  if (path == "/api") return Plain(exchange, ApiVersionsDocument(context.options.server_address()));
  if (path == "/apis") return Plain(exchange, ApiGroupListDocument(context.kinds));
  if (path.starts_with("/api/")) return Plain(exchange, ApiResourceListDocument(context.kinds, "", path.substr(5)));
  std::string_view group = path.substr(std::string_view("/apis/").size());
  size_t slash = group.find('/');
  if (slash == std::string_view::npos) return Plain(exchange, ApiGroupDocument(context.kinds, group));
  return Plain(exchange, ApiResourceListDocument(context.kinds, group.substr(0, slash), group.substr(slash + 1)));
}

net::Response OpenApiDocument(const Exchange& exchange, const api::OpenApi::DocumentPtr& document, std::string_view type) {
  net::Response response;
  response.headers.Add("etag", document->etag);
  response.headers.Add("vary", "Accept-Encoding, Accept");
  if (exchange.request.headers.Get("if-none-match") == document->etag) {
    response.status = 304;
    return response;
  }
  response.headers.Add("content-type", std::string(type));
  if (AcceptsGzip(exchange.request.headers.Get("accept-encoding"))) {
    response.headers.Add("content-encoding", "gzip");
    response.body.push_back({document->gzip, document});
  } else {
    response.body.push_back(net::Chunk::Copy(api::Inflate(*document)));
  }
  return response;
}

Answer OpenApi(HttpContext& context, const Exchange& exchange) {
  std::string_view path = exchange.info().path;
  if (path == "/openapi/v2") {
    // kubectl asks with the type's old name, "...v2@v1.0+protobuf".
    bool protobuf = exchange.request.headers.Get("accept").find("proto-openapi.spec.v2") != std::string_view::npos;
    auto format = protobuf ? api::OpenApi::Format::kProtobuf : api::OpenApi::Format::kJson;
    return OpenApiDocument(exchange, context.openapi.V2(format), protobuf ? kOpenApiV2Protobuf : "application/json");
  }
  std::string_view rest = Rest(path, "/openapi/v3");
  if (rest.empty()) return Tagged(exchange, context.openapi.V3Index(), "application/json");
  api::OpenApi::DocumentPtr document = context.openapi.V3(rest.substr(1));
  if (document == nullptr) return TextResponse(404, "404 page not found\n");
  return OpenApiDocument(exchange, document, "application/json");
}

std::string VersionDocument(const HttpContext& context) {
  utsname machine{};
  uname(&machine);
  std::string_view arch = machine.machine;
  if (arch == "x86_64") arch = "amd64";
  if (arch == "aarch64") arch = "arm64";
  return fmt::format(
      R"({{
  "major": "1",
  "minor": "36",
  "emulationMajor": "1",
  "emulationMinor": "36",
  "minCompatibilityMajor": "1",
  "minCompatibilityMinor": "35",
  "gitVersion": "{}",
  "gitCommit": "",
  "gitTreeState": "clean",
  "buildDate": "1970-01-01T00:00:00Z",
  "goVersion": "",
  "compiler": "clang",
  "platform": "linux/{}"
}}
)",
      context.options.version, arch);
}

std::string MetricsDocument(const HttpContext& context) {
  std::string document = context.metrics.Render(context.registry.clock().Now(), context.gate.places());
  if (context.gate.audits()) Metrics::RenderAudit(*context.gate.audit().sink, document);
  return document;
}

net::Response Index() {
  json::Array paths;
  for (std::string_view path :
       {"/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"}) {
    paths.emplace_back(path);
  }
  return JsonResponse(200, json::Serialize(json::Object{{"paths", std::move(paths)}}));
}

// The documents by which others verify this cluster's service account tokens.
std::optional<Answer> OpenId(const HttpContext& context, const Exchange& exchange) {
  std::string_view path = exchange.info().path;
  if (path.ends_with('/')) path.remove_suffix(1);
  if (context.reviews == nullptr) return std::nullopt;
  const auth::ServiceAccountTokens& tokens = context.reviews->tokens();
  const std::string url = "https://" + context.options.server_address();
  if (path == "/.well-known/openid-configuration") return Answer(JsonResponse(200, tokens.OpenIdConfiguration(url)));
  if (path != "/openid/v1/jwks") return std::nullopt;
  net::Response response;
  response.headers.Add("content-type", "application/jwk-set+json");
  response.body.push_back(net::Chunk::Copy(tokens.Jwks()));
  return Answer(std::move(response));
}

}  // namespace

std::optional<Answer> HandleMeta(HttpContext* context, Exchange* exchange) {
  std::string_view path = exchange->info().path;
  auto below = [path](std::string_view root) {
    return path == root || (path.starts_with(root) && path.substr(root.size()).starts_with('/'));
  };
  bool known = path == "/" || path == "/version" || path == "/version/" || path == "/metrics" || below("/api") ||
               below("/apis") || path == "/openapi/v2" || below("/openapi/v3");
  if (!known) return OpenId(*context, *exchange);
  if (exchange->request.method != "GET" && exchange->request.method != "HEAD") {
    return Answer(Fail(MethodNotAllowedError()));
  }
  if (below("/api") || below("/apis")) return Discovery(*context, *exchange);
  if (below("/openapi/v3") || path == "/openapi/v2") return OpenApi(*context, *exchange);
  if (path == "/") return Answer(Index());
  if (path != "/metrics") return Answer(JsonResponse(200, VersionDocument(*context)));
  net::Response response;
  response.headers.Add("content-type", "text/plain; version=0.0.4; charset=utf-8");
  response.body.push_back(net::Chunk::Copy(MetricsDocument(*context)));
  return Answer(std::move(response));
}

}  // namespace sampan::apiserver
