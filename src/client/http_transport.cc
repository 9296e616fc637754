#include "client/http_transport.h"

#include <atomic>
#include <charconv>
#include <fstream>

#include "async/io_loop.h"
#include "base/guarded.h"
#include "codec/base64.h"
#include "net/client.h"

namespace sampan::client {
namespace {

constexpr Duration kTokenAge = std::chrono::minutes(1);
constexpr size_t kMaxWatchLine = 64u << 20;

class QueryBuilder {
 public:
  void Add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    text_ += text_.empty() ? '?' : '&';
    text_ += name;
    text_ += '=';
    text_ += net::PercentEncode(std::string(value));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// metav1.Status of a failed request as an Error.
Error ErrorOf(int http_status, std::string_view body) {
  auto parsed = json::Parse(body, {.max_bytes = body.size() + 1});
  if (!parsed || json::FindString(json::Find(*parsed, "kind")) != "Status") {
    std::string_view text = body.substr(0, 300);
    return Error(ReasonFromStatus("", http_status), fmt::format("the server answered {}: {}", http_status, text));
  }
  Error error(ReasonFromStatus(json::FindString(json::Find(*parsed, "reason")), http_status),
              std::string(json::FindString(json::Find(*parsed, "message"))));
  const json::Value* details = json::Find(*parsed, "details");
  if (details == nullptr) return error;
  ErrorDetails out;
  out.group = json::FindString(json::Find(*details, "group"));
  out.kind = json::FindString(json::Find(*details, "kind"));
  out.name = json::FindString(json::Find(*details, "name"));
  out.uid = json::FindString(json::Find(*details, "uid"));
  const json::Value* retry = json::Find(*details, "retryAfterSeconds");
  if (retry != nullptr && retry->is_int64()) out.retry_after_seconds = static_cast<int>(retry->as_int64());
  const json::Value* causes = json::Find(*details, "causes");
  if (causes != nullptr && causes->is_array()) {
    for (const json::Value& cause : causes->as_array()) {
      out.causes.push_back({std::string(json::FindString(json::Find(cause, "reason"))),
                            std::string(json::FindString(json::Find(cause, "message"))),
                            std::string(json::FindString(json::Find(cause, "field")))});
    }
  }
  return std::move(error).WithDetails(std::move(out));
}

api::Revision ParseRevision(std::string_view text) {
  api::Revision revision = 0;
  std::from_chars(text.data(), text.data() + text.size(), revision);
  return revision;
}

api::Revision RevisionOf(const json::Value& value) {
  return ParseRevision(json::FindString(json::Find(value, "metadata", "resourceVersion")));
}

Result<ObjectPtr> ToObject(json::Value value) {
  if (!value.is_object()) return Fail(Error::InternalError("the server answered something that is no object"));
  api::Revision revision = RevisionOf(value);
  return api::Object::FromValue(std::move(value), revision);
}

Result<json::Value> ParseBody(std::string_view body) {
  auto parsed = json::Parse(body, {.max_bytes = body.size() + 1});
  if (!parsed) return Fail(Error::InternalError("the server's answer is no JSON: {}", parsed.error().message()));
  return parsed;
}

Result<WatchEvent> ToEvent(std::string_view line) {
  TRY(json::Value event, ParseBody(line));
  std::string_view type = json::FindString(json::Find(event, "type"));
  json::Value* object = event.is_object() ? event.as_object().if_contains("object") : nullptr;
  if (object == nullptr) return Fail(Error::InternalError("a watch event has no object"));
  if (type == "ERROR") {
    const json::Value* code = json::Find(*object, "code");
    int status = code != nullptr && code->is_int64() ? static_cast<int>(code->as_int64()) : 500;
    return Fail(ErrorOf(status, json::Serialize(*object)));
  }
  WatchEvent out;
  out.revision = RevisionOf(*object);
  if (type == "BOOKMARK") {
    out.type = WatchEvent::Type::kBookmark;
    return out;
  }
  out.type = type == "ADDED"      ? WatchEvent::Type::kAdded
             : type == "MODIFIED" ? WatchEvent::Type::kModified
                                  : WatchEvent::Type::kDeleted;
  TRY(out.object, ToObject(std::move(*object)));
  return out;
}

class HttpWatch final : public WatchStream {
 public:
  HttpWatch(std::unique_ptr<net::ClientResponse> response, CancelSource stop)
      : response_(std::move(response)), stop_(std::move(stop)) {}
  ~HttpWatch() override { Stop(); }

  Task<Result<std::optional<std::vector<WatchEvent>>>> Next() override {
    using Batch = std::optional<std::vector<WatchEvent>>;
    while (!stopped_) {
      std::vector<WatchEvent> events = TakeLines();
      if (!events.empty()) co_return Batch(std::move(events));
      if (failed_) co_return Fail(*failed_);
      if (buffer_.size() > kMaxWatchLine) co_return Fail(Error::InternalError("a watch event is too long"));
      Result<std::string> piece = co_await response_->ReadSome();
      // A broken connection ends the watch like its regular end: the caller resumes from its last revision.
      if (!piece || piece->empty()) break;
      buffer_ += *piece;
    }
    co_return Batch();
  }

  void Stop() override {
    stopped_ = true;
    stop_.Cancel();
  }

 private:
  // The complete lines of the buffer, up to one that ends the watch with an error.
  std::vector<WatchEvent> TakeLines() {
    std::vector<WatchEvent> events;
    size_t start = 0;
    for (size_t end = buffer_.find('\n', scanned_); end != std::string::npos; end = buffer_.find('\n', start)) {
      std::string_view line = std::string_view(buffer_).substr(start, end - start);
      start = end + 1;
      if (line.empty()) continue;
      Result<WatchEvent> event = ToEvent(line);
      if (!event) {
        failed_ = std::move(event).error();
        break;
      }
      events.push_back(*std::move(event));
    }
    buffer_.erase(0, start);
    scanned_ = buffer_.size();
    return events;
  }

  std::unique_ptr<net::ClientResponse> response_;
  CancelSource stop_;
  std::atomic<bool> stopped_{false};
  std::optional<Error> failed_;
  std::string buffer_;
  size_t scanned_ = 0;  // of buffer_ without a newline
};

struct CachedToken {
  std::string value;
  MonoTime read_at{};
  bool read = false;
};

// Where requests go, and as whom.
struct Endpoint {
  std::unique_ptr<net::Client> http;
  ClientConfig config;
  std::string prefix;
};
using EndpointPtr = std::shared_ptr<const Endpoint>;

class Transport final : public HttpClient {
 public:
  Transport(IoLoops& loops, Clock& clock, HttpClientOptions options)
      : loops_(loops), clock_(clock), options_(std::move(options)) {}

  Result<void> SetConfig(ClientConfig config) override;

  Task<Result<ObjectPtr>> Get(Ref ref) override { return Exchange(NewRequest("GET", ResourcePath(ref))); }

  Task<Result<ListResult>> List(Ref ref, ListOptions options) override {
    QueryBuilder query;
    query.Add("labelSelector", options.label_selector);
    query.Add("fieldSelector", options.field_selector);
    query.Add("limit", options.limit > 0 ? std::to_string(options.limit) : "");
    query.Add("continue", options.continue_token);
    query.Add("resourceVersion", options.resource_version);
    CO_TRY(std::string body, co_await Call(NewRequest("GET", ResourcePath(ref) + query.text()), options.stop));
    CO_TRY(json::Value list, ParseBody(body));
    ListResult out;
    out.revision = RevisionOf(list);
    out.continue_token = json::FindString(json::Find(list, "metadata", "continue"));
    json::Value* items = list.is_object() ? list.as_object().if_contains("items") : nullptr;
    if (items == nullptr || !items->is_array()) co_return out;
    for (json::Value& item : items->as_array()) {
      if (!item.is_object()) continue;
      // The items of a list do not say their kind.
      item.as_object()["apiVersion"] = ref.kind->ApiVersion();
      item.as_object()["kind"] = ref.kind->kind;
      CO_TRY(ObjectPtr object, ToObject(std::move(item)));
      out.items.push_back(std::move(object));
    }
    co_return out;
  }

  Task<Result<std::unique_ptr<WatchStream>>> Watch(Ref ref, WatchOptions options) override {
    QueryBuilder query;
    query.Add("watch", "true");
    query.Add("allowWatchBookmarks", "true");
    query.Add("labelSelector", options.label_selector);
    query.Add("fieldSelector", options.field_selector);
    query.Add("resourceVersion", options.from > 0 ? std::to_string(options.from) : "");
    CancelSource stop(options.stop);
    Outgoing out = NewRequest("GET", ResourcePath(ref) + query.text());
    CO_TRY(auto response, co_await out.endpoint->http->Send(std::move(out.request), stop.token()));
    if (response->status() != 200) {
      CO_TRY(std::string body, co_await response->ReadAll(options_.max_response_bytes));
      co_return Fail(ErrorOf(response->status(), body));
    }
    co_return std::make_unique<HttpWatch>(std::move(response), std::move(stop));
  }

  Task<Result<ObjectPtr>> Create(Ref ref, json::Value body) override {
    // Objects are created in their collection; only subresources (binding, token) belong to a named one.
    if (ref.subresource.empty()) ref.name.clear();
    return Exchange(WithBody(NewRequest("POST", ResourcePath(ref)), body, "application/json"));
  }

  Task<Result<ObjectPtr>> Update(Ref ref, json::Value body) override {
    return Exchange(WithBody(NewRequest("PUT", ResourcePath(ref)), body, "application/json"));
  }

  Task<Result<ObjectPtr>> Patch(Ref ref, json::Value patch, PatchOptions options) override {
    QueryBuilder query;
    query.Add("fieldManager", options.field_manager);
    query.Add("force", options.force ? "true" : "");
    Outgoing out = NewRequest("PATCH", ResourcePath(ref) + query.text());
    return Exchange(WithBody(std::move(out), patch, ContentType(options.type)));
  }

  Task<Result<void>> Delete(Ref ref, DeleteOptions options) override {
    json::Object body{{"kind", "DeleteOptions"}, {"apiVersion", "v1"}};
    if (options.grace_period_seconds) body["gracePeriodSeconds"] = *options.grace_period_seconds;
    if (!options.propagation_policy.empty()) body["propagationPolicy"] = options.propagation_policy;
    json::Object preconditions;
    if (!options.uid_precondition.empty()) preconditions["uid"] = options.uid_precondition;
    if (!options.resource_version_precondition.empty()) {
      preconditions["resourceVersion"] = options.resource_version_precondition;
    }
    if (!preconditions.empty()) body["preconditions"] = std::move(preconditions);
    CO_TRY_VOID(co_await Call(WithBody(NewRequest("DELETE", ResourcePath(ref)), std::move(body), "application/json")));
    co_return Result<void>();
  }

 private:
  static std::string_view ContentType(PatchType type) {
    switch (type) {
      case PatchType::kJson:
        return "application/json-patch+json";
      case PatchType::kMerge:
        return "application/merge-patch+json";
      case PatchType::kStrategic:
        return "application/strategic-merge-patch+json";
      case PatchType::kApply:
        return "application/apply-patch+yaml";
    }
    return "application/json";
  }

  struct Outgoing {
    EndpointPtr endpoint;
    net::ClientRequest request;
  };

  Outgoing NewRequest(std::string method, const std::string& target) {
    Outgoing out{*endpoint_.ReadLock(), {}};
    const ClientConfig& config = out.endpoint->config;
    net::ClientRequest& request = out.request;
    request.method = std::move(method);
    request.target = out.endpoint->prefix + target;
    request.timeout = options_.timeout;
    request.headers.Add("accept", "application/json");
    request.headers.Add("user-agent", options_.user_agent);
    std::string token = Token(config);
    if (!token.empty()) {
      request.headers.Add("authorization", "Bearer " + token);
    } else if (!config.username.empty()) {
      request.headers.Add("authorization", "Basic " + base64::Encode(config.username + ":" + config.password));
    }
    return out;
  }

  static Outgoing WithBody(Outgoing out, const json::Value& body, std::string_view type) {
    out.request.headers.Add("content-type", std::string(type));
    out.request.body = json::Serialize(body);
    return out;
  }

  // The token file is a few hundred bytes in memory (tmpfs), so that it is read in place, at most once a minute.
  std::string Token(const ClientConfig& config) {
    if (config.token_file.empty()) return config.token;
    auto cached = token_.Lock();
    MonoTime now = clock_.Monotonic();
    if (!cached->read || now - cached->read_at > kTokenAge) {
      std::ifstream file(config.token_file);
      std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
      if (!text.empty()) cached->value = std::move(text);
      cached->read_at = now;
      cached->read = true;
    }
    return cached->value;
  }

  Task<Result<std::string>> Call(Outgoing out, CancelToken stop = {}) {
    CO_TRY(auto response, co_await out.endpoint->http->Send(std::move(out.request), std::move(stop)));
    CO_TRY(std::string body, co_await response->ReadAll(options_.max_response_bytes));
    if (response->status() < 200 || response->status() > 299) co_return Fail(ErrorOf(response->status(), body));
    co_return body;
  }

  Task<Result<ObjectPtr>> Exchange(Outgoing out) {
    CO_TRY(std::string body, co_await Call(std::move(out)));
    CO_TRY(json::Value value, ParseBody(body));
    co_return ToObject(std::move(value));
  }

  IoLoops& loops_;
  Clock& clock_;
  const HttpClientOptions options_;
  Guarded<EndpointPtr> endpoint_;
  Guarded<CachedToken> token_;
};

Result<void> Transport::SetConfig(ClientConfig config) {
  TRY(ServerUrl url, ParseServerUrl(config.server));
  net::ClientOptions http;
  http.host = url.host;
  http.port = url.port;
  http.max_idle_connections = options_.max_idle_connections;
  http.protocols = net::Protocols::kHttp2;
  if (url.tls) {
    auto tls = std::make_shared<net::TlsClientOptions>();
    tls->ca_pem = config.ca_pem;
    tls->certificate_pem = config.client_certificate_pem;
    tls->key_pem = config.client_key_pem;
    tls->skip_verify = config.insecure_skip_tls_verify;
    tls->server_name = config.tls_server_name;
    http.tls = std::move(tls);
  }
  auto endpoint = std::make_shared<Endpoint>(net::NewClient(loops_, std::move(http)), std::move(config), url.prefix);
  token_.Lock()->read = false;
  *endpoint_.Lock() = std::move(endpoint);
  return {};
}

}  // namespace

std::string ResourcePath(const Ref& ref) {
  const api::KindInfo& kind = *ref.kind;
  std::string path =
      kind.group.empty() ? fmt::format("/api/{}", kind.version) : fmt::format("/apis/{}/{}", kind.group, kind.version);
  if (kind.namespaced() && !ref.namespace_.empty()) path += "/namespaces/" + net::PercentEncode(ref.namespace_);
  path += '/' + kind.resource;
  if (!ref.name.empty()) path += '/' + net::PercentEncode(ref.name);
  if (!ref.subresource.empty()) path += '/' + ref.subresource;
  return path;
}

Result<ServerUrl> ParseServerUrl(std::string_view url) {
  ServerUrl out;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    out.tls = false;
  } else {
    return Fail(Error::BadRequest("server URL \"{}\" must begin with https:// or http://", url));
  }
  size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) out.prefix = rest.substr(slash);
  while (out.prefix.ends_with('/')) out.prefix.pop_back();

  size_t bracket = authority.rfind(']');
  size_t colon = authority.rfind(':');
  std::string_view port;
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
  out.host = authority;
  out.port = out.tls ? 443 : 80;
  if (!port.empty()) {
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) out.host.clear();
  }
  if (out.host.empty()) return Fail(Error::BadRequest("server URL \"{}\" needs a host and a valid port", url));
  return out;
}

Result<std::unique_ptr<HttpClient>> NewHttpClient(IoLoops& loops, Clock& clock, ClientConfig config,
                                                  HttpClientOptions options) {
  auto client = std::make_unique<Transport>(loops, clock, std::move(options));
  TRY_VOID(client->SetConfig(std::move(config)));
  return client;
}

}  // namespace sampan::client
