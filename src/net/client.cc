#include "net/client.h"

#include "async/io_loop.h"
#include "async/spawn.h"
#include "net/detail/client_connection.h"
#include "net/detail/http2_client.h"
#include "net/detail/socket.h"

namespace sampan::net {
namespace {

using detail::Connection;
using detail::ConnectionPool;
using detail::Exchange;
using detail::Http2Call;
using detail::Http2ClientConnection;
using detail::Outgoing;

constexpr size_t kMaxRefusalBytes = 64 * 1024;

bool IsIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

bool IsOurs(std::string_view name) {
  return name == "host" || name == "content-length" || name == "transfer-encoding" || name == "connection";
}

enum class Purpose : unsigned char { kRequest, kUpgrade };

Result<std::string> RequestHead(const ClientRequest& request, const std::string& host, Purpose purpose) {
  if (!detail::IsToken(request.method)) return Fail(Error::BadRequest("\"{}\" is not a method", request.method));
  bool plain = std::ranges::all_of(request.target, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (!plain || !request.target.starts_with('/')) return Fail(Error::BadRequest("\"{}\" is not a target", request.target));
  std::string head = fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\n", request.method, request.target, host);
  for (const auto& [name, value] : request.headers.items()) {
    if (IsOurs(name)) continue;
    if (!detail::IsToken(name) || !detail::IsFieldValue(value)) return Fail(Error::BadRequest("bad header \"{}\"", name));
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (purpose == Purpose::kUpgrade) head.append("connection: Upgrade\r\n");
  bool may_have_body = request.method != "GET" && request.method != "HEAD" && purpose != Purpose::kUpgrade;
  if (request.stream != nullptr && !request.stream->length()) {
    head.append("transfer-encoding: chunked\r\n");
  } else if (request.stream != nullptr) {
    fmt::format_to(std::back_inserter(head), "content-length: {}\r\n", *request.stream->length());
  } else if (!request.body.empty() || may_have_body) {
    fmt::format_to(std::back_inserter(head), "content-length: {}\r\n", request.body.size());
  }
  head.append("\r\n");
  return head;
}

// Runs the exchange on the connection's loop; a cancellation breaks the connection.
Task<Exchange> ExchangeOver(std::shared_ptr<Connection> connection, std::string_view head, const ClientRequest* request,
                            CancelToken stop) {
  Outgoing outgoing{head, request->body, request->stream, request->timeout};
  auto cancel = stop.OnCancel([connection] { connection->Abort(); });
  Executor& caller = co_await ThisExecutor();
  if (&caller == &connection->loop()) {
    Exchange direct = co_await detail::RunExchange(connection, std::move(outgoing));
    co_return direct;
  }
  Exchange exchange = co_await RunOn(connection->loop(), detail::RunExchange(connection, std::move(outgoing)));
  co_return exchange;
}

// Runs on the connection's loop: the response may give it back to the pool at once.
Task<std::unique_ptr<ClientResponse>> MakeResponse(std::shared_ptr<ConnectionPool> pool,
                                                   std::shared_ptr<Connection> connection, Exchange exchange,
                                                   std::string method, CancelToken stop) {
  co_return detail::NewClientResponse(std::move(pool), std::move(connection), std::move(exchange), method, stop);
}

using Sent = Result<std::unique_ptr<ClientResponse>>;

// Over `connection`, which speaks HTTP/1.1.
Task<Sent> SendOver(std::shared_ptr<ConnectionPool> pool, std::shared_ptr<Connection> connection, std::string_view head,
                    const ClientRequest* request, CancelToken stop) {
  Exchange exchange = co_await ExchangeOver(connection, head, request, stop);
  if (exchange.outcome != Exchange::Outcome::kAnswered) co_return Fail(*std::move(exchange.error));
  auto response =
      co_await RunOn(connection->loop(), MakeResponse(pool, connection, std::move(exchange), request->method, stop));
  co_return response;
}

// Over a connection of its own, for as long as it lasts.
Task<Sent> SendAlone(std::shared_ptr<ConnectionPool> pool, const ClientRequest* request, std::string_view head,
                     CancelToken stop) {
  bool repeatable = request->stream == nullptr;
  for (std::shared_ptr<Connection> reused = repeatable ? pool->TakeIdle() : nullptr; reused != nullptr;
       reused = pool->TakeIdle()) {
    Exchange exchange = co_await ExchangeOver(reused, head, request, stop);
    if (exchange.outcome == Exchange::Outcome::kAnswered) {
      auto response = co_await RunOn(reused->loop(), MakeResponse(pool, reused, std::move(exchange), request->method, stop));
      co_return response;
    }
    if (exchange.outcome == Exchange::Outcome::kNotSent) continue;
    bool again = exchange.outcome == Exchange::Outcome::kNoAnswer && IsIdempotent(request->method) && !stop.Requested();
    if (!again) co_return Fail(*std::move(exchange.error));
    break;  // idle ones of the same age are likely dead as well
  }
  CO_TRY(std::shared_ptr<Connection> connection, co_await pool->Connect(stop, Protocols::kHttp1));
  auto response = co_await SendOver(pool, std::move(connection), head, request, stop);
  co_return response;
}

Task<std::shared_ptr<Http2ClientConnection>> StartShared(std::shared_ptr<Connection> connection) {
  co_return Http2ClientConnection::Start(std::move(connection));
}

// The answer's head over HTTP/2, or how far the request came.
Task<std::shared_ptr<Http2Call>> CallOver(std::shared_ptr<Http2ClientConnection> connection, const ClientRequest* request,
                                          std::string host, CancelToken stop) {
  Executor& caller = co_await ThisExecutor();
  if (&caller == &connection->loop()) {
    auto direct = co_await Http2ClientConnection::Run(connection, request, std::move(host), std::move(stop));
    co_return direct;
  }
  auto call =
      co_await RunOn(connection->loop(), Http2ClientConnection::Run(connection, request, std::move(host), std::move(stop)));
  co_return call;
}

// Over a connection that carries others as well, where the server speaks HTTP/2.
Task<Sent> SendShared(std::shared_ptr<ConnectionPool> pool, const ClientRequest* request, std::string_view head,
                      CancelToken stop) {
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    std::shared_ptr<Http2ClientConnection> shared = pool->TakeShared();
    if (shared == nullptr) {
      detail::WriteLock::Holder making = co_await pool->MakingShared();
      shared = pool->TakeShared();
      if (shared == nullptr) {
        CO_TRY(std::shared_ptr<Connection> connection, co_await pool->Connect(stop, Protocols::kHttp2));
        if (!detail::NegotiatedHttp2(*connection->ssl())) {
          auto response = co_await SendOver(pool, std::move(connection), head, request, stop);
          co_return response;
        }
        IoLoop& loop = connection->loop();
        shared = co_await RunOn(loop, StartShared(std::move(connection)));
        pool->PutShared(shared);
      }
    }
    std::shared_ptr<Http2Call> call = co_await CallOver(shared, request, pool->host_header(), stop);
    if (!call->failure || call->answered) co_return detail::NewHttp2Response(std::move(shared), std::move(call), stop);
    bool again = call->outcome == Exchange::Outcome::kNotSent ||
                 (call->outcome == Exchange::Outcome::kNoAnswer && IsIdempotent(request->method));
    if (!again || request->stream != nullptr || stop.Requested() || attempt == kAttempts) co_return Fail(*call->failure);
  }
}

class ClientImpl final : public Client {
 public:
  ClientImpl(IoLoops& loops, ClientOptions options, Result<detail::SslContextPtr> tls)
      : tls_error_(tls ? std::nullopt : std::optional(tls.error())),
        pool_(std::make_shared<ConnectionPool>(loops, std::move(options), tls ? *std::move(tls) : nullptr)) {}
  ~ClientImpl() override { pool_->CloseIdle(); }

  Task<Result<std::unique_ptr<ClientResponse>>> Send(ClientRequest request, CancelToken stop) override {
    // The client may be destroyed while the request is under way; the pool is what it needs.
    std::shared_ptr<ConnectionPool> pool = pool_;
    if (tls_error_) co_return Fail(*tls_error_);
    CO_TRY(std::string head, RequestHead(request, pool->host_header(), Purpose::kRequest));
    if (pool->options().protocols == Protocols::kHttp2 && pool->options().tls != nullptr) {
      auto shared = co_await SendShared(pool, &request, head, stop);
      co_return shared;
    }
    auto response = co_await SendAlone(pool, &request, head, stop);
    co_return response;
  }

  Task<Result<Upgraded>> Upgrade(ClientRequest request, CancelToken stop) override {
    std::shared_ptr<ConnectionPool> pool = pool_;
    if (tls_error_) co_return Fail(*tls_error_);
    CO_TRY(std::string head, RequestHead(request, pool->host_header(), Purpose::kUpgrade));
    CO_TRY(std::shared_ptr<Connection> connection, co_await pool->Connect(stop, Protocols::kHttp1));
    Exchange exchange = co_await ExchangeOver(connection, head, &request, stop);
    if (exchange.outcome != Exchange::Outcome::kAnswered) co_return Fail(*std::move(exchange.error));
    int status = exchange.head.status;
    if (status == 101) {
      Upgraded upgraded;
      upgraded.headers = std::move(exchange.head.headers);
      co_await RunOn(connection->loop(), ClearTimeouts(connection));
      upgraded.stream = detail::NewConnectionStream(connection, std::move(exchange.unread));
      co_return upgraded;
    }
    auto response =
        co_await RunOn(connection->loop(), MakeResponse(pool, connection, std::move(exchange), request.method, stop));
    CO_TRY(std::string body, co_await response->ReadAll(kMaxRefusalBytes));
    if (status < 400) co_return Fail(Error::InternalError("the server answered an upgrade with status {}", status));
    co_return Fail(Error(ReasonFromStatus("", status), body.empty() ? fmt::format("status {}", status) : std::move(body)));
  }

  Result<void> SetTls(std::shared_ptr<const TlsClientOptions> tls) override {
    if (tls == nullptr || pool_->options().tls == nullptr) return Fail(Error::BadRequest("TLS cannot be begun or ended"));
    TRY(detail::SslContextPtr context, detail::NewClientContext(*tls));
    pool_->SetTls(std::move(tls), std::move(context));
    return {};
  }

 private:
  static Task<void> ClearTimeouts(std::shared_ptr<Connection> connection) {
    connection->SetReadDeadline(Duration::zero());
    connection->SetWriteTimeout(Duration::zero());
    co_return;
  }

  const std::optional<Error> tls_error_;
  std::shared_ptr<ConnectionPool> pool_;
};

}  // namespace

std::unique_ptr<Client> NewClient(IoLoops& loops, ClientOptions options) {
  Result<detail::SslContextPtr> tls = nullptr;
  if (options.tls != nullptr) tls = detail::NewClientContext(*options.tls);
  return std::make_unique<ClientImpl>(loops, std::move(options), std::move(tls));
}

Task<Result<std::unique_ptr<Stream>>> ConnectTcp(IoLoops& loops, std::string host, uint16_t port, Duration timeout,
                                                 CancelToken stop) {
  Executor& caller = co_await ThisExecutor();
  IoLoop& loop = detail::PickLoop(loops, caller);
  std::vector<std::string> addresses{host};
  if (!host.starts_with("unix:") && !detail::IsNumericAddress(host)) {
    BlockingPool resolver(1);
    auto resolve = [host] { return detail::ResolveHost(host); };
    CO_TRY(addresses, co_await resolver.Run(std::move(resolve)));
  }
  Error last = Error::ServiceUnavailable("{} has no address", host);
  for (const std::string& address : addresses) {
    if (stop.Requested()) break;
    auto connected = co_await RunOn(loop, detail::ConnectSocket(&loop, address, port, timeout, stop));
    if (connected) co_return detail::NewConnectionStream(*std::move(connected), {});
    last = std::move(connected).error();
  }
  co_return Fail(last.Annotate(fmt::format("cannot connect to {}:{}", host, port)));
}

}  // namespace sampan::net
