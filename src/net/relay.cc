#include "net/relay.h"

#include "async/spawn.h"
#include "net/detail/channel_socket.h"
#include "net/detail/http1_parser.h"
#include "net/detail/port_forward.h"
#include "net/detail/remote_command.h"
#include "net/spdy.h"

namespace sampan::net {
namespace {

constexpr size_t kCopyBytes = 32 * 1024;
constexpr std::string_view kProtocolHeader = "x-stream-protocol-version";

Task<bool> Copy(Stream* from, Stream* to) {
  auto buffer = std::make_unique<std::array<char, kCopyBytes>>();
  while (true) {
    auto length = co_await from->Read(*buffer);
    if (length && *length == 0) {
      co_await to->CloseWrite();
      co_return true;
    }
    Result<void> written;
    if (length) written = co_await to->Write({buffer->data(), *length});
    if (!length || !written) {
      // The other direction cannot go on either: neither side would learn of the loss.
      from->Abort();
      to->Abort();
      co_return false;
    }
  }
}

Task<void> Answer(ResponseWriter* writer, int status, std::string text) {
  Response response{.status = status};
  response.headers.Add("content-type", "text/plain; charset=utf-8");
  response.body.push_back(Chunk::Copy(std::move(text)));
  co_await writer->Respond(std::move(response));
}

using ErrorPage = std::function<Response(const Error&)>;

Task<void> AnswerError(ResponseWriter* writer, Error error, const ErrorPage* page) {
  if (!*page) co_return co_await Answer(writer, HttpStatusOf(error.reason()), error.message());
  co_await writer->Respond((*page)(error));
}

WsOptions TunnelOptions() {
  return {.protocols = {std::string(kTunneledPortForward)}};
}

WsOptions CommandOptions() {
  return {.protocols = {std::string(kChannelV5), std::string(kChannelV4), std::string(kBase64ChannelV4),
                        std::string(kChannelV1), std::string(kBase64ChannelV1), ""}};
}

WsOptions PortForwardOptions() {
  return {.protocols = {std::string(kChannelV4), std::string(kBase64ChannelV4), ""}};
}

detail::ErrorChannel ErrorChannelOf(std::string_view protocol) {
  bool text = protocol.empty() || protocol == kChannelV1 || protocol == kBase64ChannelV1;
  return text ? detail::ErrorChannel::kText : detail::ErrorChannel::kStatus;
}

Task<void> ProxySpdy(Request* request, ResponseWriter* writer, Client* upstream, ClientRequest upgrade,
                     const ErrorPage* page) {
  upgrade.headers.Add("upgrade", "SPDY/3.1");
  for (const auto& [name, value] : request->headers.items()) {
    if (name == kProtocolHeader) upgrade.headers.Add(name, value);
  }
  auto upgraded = co_await upstream->Upgrade(std::move(upgrade), request->gone);
  if (!upgraded) {
    co_await AnswerError(writer, std::move(upgraded).error(), page);
    co_return;
  }
  Headers headers;
  headers.Add("connection", "Upgrade");
  headers.Add("upgrade", "SPDY/3.1");
  for (const auto& [name, value] : upgraded->headers.items()) {
    if (name == kProtocolHeader) headers.Add(name, value);
  }
  auto client = co_await writer->Upgrade(std::move(headers));
  if (!client) co_return;
  co_await Relay(**client, *upgraded->stream, request->gone);
}

// The client's WebSocket carries the bytes of a SPDY connection, which upstream speaks plainly.
Task<void> ProxyTunnel(Request* request, ResponseWriter* writer, Client* upstream, ClientRequest upgrade,
                       const ErrorPage* page) {
  upgrade.headers.Add("upgrade", "SPDY/3.1");
  upgrade.headers.Add(std::string(kProtocolHeader), std::string(kPortForwardV1));
  auto upgraded = co_await upstream->Upgrade(std::move(upgrade), request->gone);
  if (!upgraded) {
    co_await AnswerError(writer, std::move(upgraded).error(), page);
    co_return;
  }
  auto socket = co_await AcceptWebSocket(*request, *writer, TunnelOptions());
  if (!socket) co_return;
  std::unique_ptr<Stream> client = NewWebSocketStream(*std::move(socket));
  co_await Relay(*client, *upgraded->stream, request->gone);
}

// A SPDY session upstream; an answered request when there is none.
Task<std::unique_ptr<SpdySession>> OpenUpstream(ResponseWriter* writer, Client* upstream, ClientRequest upgrade,
                                                std::string_view protocol, CancelToken gone, const ErrorPage* page) {
  upgrade.headers.Add("upgrade", "SPDY/3.1");
  upgrade.headers.Add(std::string(kProtocolHeader), std::string(protocol));
  auto upgraded = co_await upstream->Upgrade(std::move(upgrade), std::move(gone));
  if (!upgraded) {
    co_await AnswerError(writer, std::move(upgraded).error(), page);
    co_return nullptr;
  }
  Executor& executor = co_await ThisExecutor();
  co_return NewSpdySession(executor, std::move(upgraded->stream), SpdySide::kClient);
}

Task<void> ProxyRemoteCommand(Request* request, ResponseWriter* writer, Client* upstream, ClientRequest upgrade,
                              RemoteStreams streams, const ErrorPage* page) {
  // The WebSocket's versions differ in its framing only: upstream speaks version 4.
  auto session = co_await OpenUpstream(writer, upstream, std::move(upgrade), kChannelV4, request->gone, page);
  if (session == nullptr) co_return;
  auto socket = co_await AcceptWebSocket(*request, *writer, CommandOptions());
  if (!socket) co_return;
  detail::ChannelSocket client(socket->get());
  co_await detail::TranslateRemoteCommand(&client, session.get(), streams, ErrorChannelOf(client.protocol()), request->gone);
  co_await session->Close();
}

Task<void> ProxyPortForward(Request* request, ResponseWriter* writer, Client* upstream, ClientRequest upgrade,
                            const ErrorPage* page) {
  auto ports = detail::PortsFromQuery(request->query);
  if (!ports) {
    co_await AnswerError(writer, std::move(ports).error(), page);
    co_return;
  }
  auto session = co_await OpenUpstream(writer, upstream, std::move(upgrade), kPortForwardV1, request->gone, page);
  if (session == nullptr) co_return;
  auto socket = co_await AcceptWebSocket(*request, *writer, PortForwardOptions());
  if (!socket) co_return;
  detail::ChannelSocket client(socket->get());
  co_await detail::TranslatePortForward(&client, session.get(), *std::move(ports), request->gone);
  co_await session->Close();
}

}  // namespace

Task<void> Relay(Stream& a, Stream& b, CancelToken stop) {
  auto cancel = stop.OnCancel([&a, &b] {
    a.Abort();
    b.Abort();
  });
  std::vector<Task<bool>> directions;
  directions.push_back(Copy(&a, &b));
  directions.push_back(Copy(&b, &a));
  co_await WhenAll(std::move(directions));
}

RemoteStreams RemoteStreams::FromQuery(std::string_view query) {
  RemoteStreams streams;
  auto pairs = ParseQuery(query);
  if (!pairs) return streams;
  for (const auto& [name, value] : *pairs) {
    bool on = value == "true" || value == "1";
    if (name == "stdin" || name == "input") streams.stdin_open = on;
    if (name == "stdout" || name == "output") streams.stdout_open = on;
    if (name == "stderr" || name == "error") streams.stderr_open = on;
    if (name == "tty") streams.tty = on;
  }
  return streams;
}

Task<void> ProxyStreaming(Request& request, ResponseWriter& writer, Client& upstream, StreamingProxyOptions options) {
  if (IsSpdyUpgrade(request)) {
    co_await ProxySpdy(&request, &writer, &upstream, std::move(options.upstream), &options.error_response);
    co_return;
  }
  if (!IsWebSocketUpgrade(request)) {
    co_await Answer(&writer, 400, "Upgrade request required");
    co_return;
  }
  if (options.kind == StreamingKind::kRemoteCommand) {
    co_await ProxyRemoteCommand(&request, &writer, &upstream, std::move(options.upstream), options.streams,
                                &options.error_response);
    co_return;
  }
  std::vector<std::string> offered = OfferedProtocols(request);
  if (std::ranges::find(offered, kTunneledPortForward) == offered.end()) {
    co_await ProxyPortForward(&request, &writer, &upstream, std::move(options.upstream), &options.error_response);
    co_return;
  }
  co_await ProxyTunnel(&request, &writer, &upstream, std::move(options.upstream), &options.error_response);
}

}  // namespace sampan::net
