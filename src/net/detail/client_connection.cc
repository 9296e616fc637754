#include "net/detail/client_connection.h"

#include <netdb.h>

#include "async/io_loop.h"
#include "async/spawn.h"
#include "net/detail/http2_client.h"
#include "net/detail/socket.h"

namespace sampan::net::detail {
namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kMaxResponseHeader = 256 * 1024;

std::string HostHeader(const ClientOptions& options) {
  if (options.host.starts_with("unix:")) return "localhost";
  bool v6 = options.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", options.host, options.port) : fmt::format("{}:{}", options.host, options.port);
}

Exchange Failed(Exchange::Outcome outcome, Error error) {
  Exchange failed;
  failed.outcome = outcome;
  failed.error = std::move(error);
  return failed;
}

}  // namespace

ConnectionPool::ConnectionPool(IoLoops& loops, ClientOptions options, SslContextPtr tls)
    : loops_(loops), options_(std::move(options)), host_header_(HostHeader(options_)) {
  auto current = tls_.Lock();
  current->options = options_.tls;
  current->context = std::move(tls);
}

std::shared_ptr<Connection> ConnectionPool::TakeIdle() {
  auto idle = idle_.Lock();
  if (idle->connections.empty()) return nullptr;
  std::shared_ptr<Connection> connection = std::move(idle->connections.back());
  idle->connections.pop_back();
  return connection;
}

void ConnectionPool::PutIdle(std::shared_ptr<Connection> connection) {
  if (connection->closed() || connection->hung_up()) return connection->Close();
  connection->SetReadDeadline(Duration::zero());
  Connection* raw = connection.get();
  {
    auto idle = idle_.Lock();
    const bool keeps = !idle->closed && idle->connections.size() < options_.max_idle_connections;
    if (keeps && IsCurrent(*connection)) idle->connections.push_back(std::move(connection));
  }
  if (connection != nullptr) return connection->Close();
  // When the server ends it, nobody is there to read that.
  raw->OnHangup([weak = weak_from_this(), raw] {
    if (auto self = weak.lock()) self->Forget(raw);
  });
}

bool ConnectionPool::IsCurrent(const Connection& connection) {
  const SSL* ssl = connection.ssl();
  return ssl == nullptr || SSL_get_SSL_CTX(ssl) == tls_.Lock()->context.get();
}

void ConnectionPool::Forget(Connection* connection) {
  std::shared_ptr<Connection> dropped;
  {
    auto idle = idle_.Lock();
    for (auto it = idle->connections.begin(); it != idle->connections.end(); ++it) {
      if (it->get() != connection) continue;
      dropped = std::move(*it);
      idle->connections.erase(it);
      break;
    }
  }
  if (dropped != nullptr) dropped->Abort();
}

std::shared_ptr<Http2ClientConnection> ConnectionPool::TakeShared() {
  auto idle = idle_.Lock();
  std::erase_if(idle->shared, [](const auto& connection) { return !connection->usable(); });
  auto found = std::ranges::find_if(idle->shared, [](const auto& connection) { return connection->HasRoom(); });
  return found == idle->shared.end() ? nullptr : *found;
}

void ConnectionPool::PutShared(std::shared_ptr<Http2ClientConnection> connection) {
  auto idle = idle_.Lock();
  if (idle->closed) return connection->Retire();
  idle->shared.push_back(std::move(connection));
}

void ConnectionPool::CloseIdle() {
  idle_.Lock()->closed = true;
  DropIdle();
}

void ConnectionPool::DropIdle() {
  std::vector<std::shared_ptr<Connection>> dropped;
  std::vector<std::shared_ptr<Http2ClientConnection>> retired;
  {
    auto idle = idle_.Lock();
    dropped.swap(idle->connections);
    retired.swap(idle->shared);
  }
  for (auto& connection : dropped) connection->Abort();
  for (auto& connection : retired) connection->Retire();
}

void ConnectionPool::SetTls(std::shared_ptr<const TlsClientOptions> options, SslContextPtr context) {
  {
    auto current = tls_.Lock();
    current->options = std::move(options);
    current->context = std::move(context);
  }
  DropIdle();
}

IoLoop& PickLoop(IoLoops& loops, Executor& caller) {
  for (size_t i = 0; i < loops.size(); ++i) {
    if (&loops.at(i) == &caller) return loops.at(i);
  }
  return loops.Next();
}

Result<std::vector<std::string>> ResolveHost(const std::string& host) {
  addrinfo hints{.ai_flags = AI_ADDRCONFIG, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  int failed = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (failed != 0) return Fail(Error::ServiceUnavailable("cannot resolve {}: {}", host, gai_strerror(failed)));
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  std::vector<std::string> addresses;
  for (addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text);
    }
  }
  return addresses;
}

Task<Result<std::vector<std::string>>> ConnectionPool::Resolve() {
  if (options_.host.starts_with("unix:") || IsNumericAddress(options_.host)) {
    co_return std::vector<std::string>{options_.host};
  }
  auto resolve = [host = options_.host] { return ResolveHost(host); };
  auto resolved = co_await resolver_.Run(std::move(resolve));
  co_return resolved;
}

Task<Result<std::shared_ptr<Connection>>> ConnectSocket(IoLoop* loop, std::string address, uint16_t port, Duration timeout,
                                                        CancelToken stop) {
  auto fd = StartConnect(address, port);
  if (!fd) co_return Fail(std::move(fd).error());
  std::shared_ptr<Connection> connection = Connection::Create(*loop, *fd);
  connection->SetWriteTimeout(timeout);
  auto cancel = stop.OnCancel([connection] { connection->Abort(); });
  auto connected = co_await connection->Connected();
  if (!connected) {
    connection->Close();
    co_return Fail(std::move(connected).error());
  }
  connection->SetWriteTimeout(Duration::zero());
  co_return connection;
}

Task<Result<std::shared_ptr<Connection>>> ConnectionPool::ConnectTo(IoLoop* loop, std::string address, CancelToken stop,
                                                                    Protocols protocols) {
  CO_TRY(std::shared_ptr<Connection> connection,
         co_await ConnectSocket(loop, std::move(address), options_.port, options_.connect_timeout, stop));
  Tls tls = *tls_.Lock();
  if (tls.context == nullptr) co_return connection;
  auto cancel = stop.OnCancel([connection] { connection->Abort(); });
  CO_TRY(SslPtr ssl, NewClientSsl(*tls.context, *tls.options, options_.host, protocols));
  connection->StartTls(std::move(ssl), std::move(tls.context));
  connection->SetReadDeadline(options_.connect_timeout);
  auto done = co_await connection->Handshake();
  if (!done) {
    connection->Close();
    co_return Fail(std::move(done).error());
  }
  co_return connection;
}

Task<Result<std::shared_ptr<Connection>>> ConnectionPool::Connect(CancelToken stop, Protocols protocols) {
  Executor& caller = co_await ThisExecutor();
  IoLoop& loop = PickLoop(loops_, caller);
  CO_TRY(std::vector<std::string> addresses, co_await Resolve());
  Error last = Error::ServiceUnavailable("{} has no address", options_.host);
  for (const std::string& address : addresses) {
    if (stop.Requested()) co_return Fail(Error::ServiceUnavailable("cancelled"));
    auto connected = co_await RunOn(loop, ConnectTo(&loop, address, stop, protocols));
    if (connected) co_return connected;
    last = std::move(connected).error();
  }
  co_return Fail(last.Annotate(fmt::format("cannot connect to {}", host_header_)));
}

namespace {

// What a streamed request and its response share.
struct Upload {
  bool sent = false;            // to its end
  bool answered = false;        // the response's head is there
  std::optional<Error> failed;  // why the body could not be read
};

// Sends `stream` in pieces, until its end or until the connection closes.
sampan::detail::Detached SendStream(std::shared_ptr<Connection> connection, std::shared_ptr<BodyReader> stream,
                                    std::shared_ptr<Upload> upload, Duration timeout) {
  bool chunked = !stream->length();
  while (!connection->closed()) {
    auto piece = co_await stream->ReadSome();
    if (!piece) {
      upload->failed = std::move(piece).error();
      connection->Close();
      break;
    }
    bool end = piece->empty();
    std::string head = chunked ? fmt::format("{:x}\r\n", piece->size()) : std::string();
    std::array<Chunk, 2> chunks{Chunk{*piece, nullptr}, Chunk::Static(chunked ? "\r\n" : "")};
    auto written = co_await connection->Write(head, chunks);
    // A server may answer and close before it has read everything: the answer counts, not the failed write.
    if (!written) break;
    if (!end) continue;
    upload->sent = true;
    if (!upload->answered) connection->SetReadDeadline(timeout);
    break;
  }
}

}  // namespace

Task<Exchange> RunExchange(std::shared_ptr<Connection> connection, Outgoing outgoing) {
  connection->OnHangup(nullptr);
  if (connection->closed() || connection->hung_up()) {
    connection->Close();
    co_return Failed(Exchange::Outcome::kNotSent, connection->BrokenError());
  }
  bool streamed = outgoing.stream != nullptr;
  connection->SetReadDeadline(streamed ? Duration::zero() : outgoing.timeout);
  connection->SetWriteTimeout(outgoing.timeout);
  Chunk content{outgoing.body, nullptr};
  // A server may answer and close before it has read everything: the answer counts, not the failed write.
  auto written = co_await connection->Write(outgoing.head, std::span(&content, 1));
  Exchange exchange;
  auto upload = std::make_shared<Upload>();
  if (streamed) {
    exchange.sent = std::shared_ptr<const bool>(upload, &upload->sent);
    sampan::detail::Launch(connection->loop(), SendStream(connection, std::move(outgoing.stream), upload, outgoing.timeout));
  }
  ParseLimits limits{.max_header_bytes = kMaxResponseHeader};
  size_t scanned = 0;
  std::array<char, kReadBytes> buffer;
  while (true) {
    auto length = co_await connection->Read(buffer);
    if (!length || *length == 0) {
      bool late = !length && length.error().Is(Reason::kTimeout);
      Error error = upload->failed ? *upload->failed
                    : late         ? Error::Timeout("no response in time")
                    : !written     ? std::move(written).error()
                    : !length      ? std::move(length).error()
                                   : Error::ServiceUnavailable("the server closed the connection without an answer");
      connection->Close();
      bool nothing = exchange.unread.empty() && !late;
      co_return Failed(nothing ? Exchange::Outcome::kNoAnswer : Exchange::Outcome::kFailed, std::move(error));
    }
    exchange.unread.append(buffer.data(), *length);
    while (true) {
      exchange.framing = Framing();
      exchange.head = ResponseHead();
      HeadResult parsed = ParseResponseHead(exchange.unread, scanned, limits, exchange.head, exchange.framing);
      if (parsed.state == ParseState::kBad) {
        connection->Close();
        co_return Failed(Exchange::Outcome::kFailed, Error::ServiceUnavailable("malformed response: {}", parsed.reason));
      }
      scanned = parsed.state == ParseState::kDone ? 0 : exchange.unread.size();
      if (parsed.state != ParseState::kDone) break;
      exchange.unread.erase(0, parsed.consumed);
      bool interim = exchange.head.status < 200 && exchange.head.status != 101;
      if (interim) continue;
      upload->answered = true;
      connection->SetReadDeadline(Duration::zero());
      exchange.outcome = Exchange::Outcome::kAnswered;
      co_return exchange;
    }
  }
}

}  // namespace sampan::net::detail
