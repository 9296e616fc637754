#include "net/detail/port_forward.h"

#include <charconv>

#include "async/spawn.h"
#include "net/detail/websocket_frame.h"

namespace sampan::net::detail {
namespace {

constexpr size_t kReadBytes = 32 * 1024;
constexpr size_t kMaxPorts = 100;  // channels are numbered in one byte

struct Connection {
  std::unique_ptr<SpdyStream> error, data;
};

Headers StreamHeaders(std::string_view type, uint16_t port, size_t request) {
  Headers headers;
  headers.Add("streamtype", std::string(type));
  headers.Add("port", std::to_string(port));
  headers.Add("requestid", std::to_string(request));
  return headers;
}

Task<Result<std::vector<Connection>>> OpenConnections(SpdySession* upstream, const std::vector<uint16_t>* ports) {
  std::vector<Connection> connections;
  for (uint16_t port : *ports) {
    Connection one;
    CO_TRY(one.error, co_await upstream->Open(StreamHeaders("error", port, connections.size())));
    co_await one.error->CloseWrite();  // errors come one way
    CO_TRY(one.data, co_await upstream->Open(StreamHeaders("data", port, connections.size())));
    connections.push_back(std::move(one));
  }
  co_return connections;
}

// Until the stream ends or the client is gone.
Task<void> CopyOut(ChannelSocket* client, SpdyStream* stream, size_t channel, uint16_t port) {
  std::string message(1 + kReadBytes, static_cast<char>(channel));
  message[1] = static_cast<char>(port & 0xff);
  message[2] = static_cast<char>(port >> 8);
  auto sent = co_await client->Send(std::string_view(message).substr(0, 3));
  while (sent) {
    auto length = co_await stream->Read(std::span(message).subspan(1));
    if (!length || *length == 0) co_return;
    sent = co_await client->Send(std::string_view(message).substr(0, 1 + *length));
  }
}

Task<void> CopyData(ChannelSocket* client, SpdyStream* stream, size_t channel, uint16_t port) {
  co_await CopyOut(client, stream, channel, port);
  // A channel has no end of its own: what the client could still say, nobody waits for.
  co_await stream->CloseWrite();
}

Task<void> CopyAllOut(ChannelSocket* client, std::vector<Connection>* connections, const std::vector<uint16_t>* ports) {
  std::vector<Task<void>> copies;
  for (size_t i = 0; i < connections->size(); ++i) {
    copies.push_back(CopyData(client, (*connections)[i].data.get(), 2 * i, (*ports)[i]));
    copies.push_back(CopyOut(client, (*connections)[i].error.get(), 2 * i + 1, (*ports)[i]));
  }
  co_await WhenAll(std::move(copies));
  co_await client->Close(kWsNormal, "");
}

// What the client sends, until it closes or breaks.
Task<void> CopyIn(ChannelSocket* client, std::vector<Connection>* connections, CancelSource* over) {
  while (true) {
    auto message = co_await client->Receive();
    if (!message || !*message) break;
    size_t index = (*message)->channel / 2;
    bool data = (*message)->channel % 2 == 0 && index < connections->size();
    // A connection that no longer reads may still write: the failed write is not the end.
    if (data && !(*message)->data.empty()) co_await (*connections)[index].data->Write((*message)->data);
  }
  over->Cancel();
}

}  // namespace

Result<std::vector<uint16_t>> PortsFromQuery(std::string_view query) {
  std::vector<uint16_t> ports;
  TRY(auto pairs, ParseQuery(query));
  for (const auto& [name, value] : pairs) {
    if (name != "port" && name != "ports") continue;
    std::string_view rest = value;
    do {
      size_t comma = std::min(rest.find(','), rest.size());
      uint16_t port = 0;
      auto [end, fault] = std::from_chars(rest.data(), rest.data() + comma, port);
      if (fault != std::errc() || end != rest.data() + comma || port == 0) {
        return Fail(Error::BadRequest("unable to parse \"{}\" as a port", rest.substr(0, comma)));
      }
      ports.push_back(port);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    } while (!rest.empty());
  }
  if (ports.empty()) return Fail(Error::BadRequest("query parameter \"port\" is required"));
  if (ports.size() > kMaxPorts) return Fail(Error::BadRequest("at most {} ports can be forwarded at once", kMaxPorts));
  return ports;
}

Task<void> TranslatePortForward(ChannelSocket* client, SpdySession* upstream, std::vector<uint16_t> ports,
                                CancelToken stop) {
  auto opened = co_await OpenConnections(upstream, &ports);
  if (!opened) {
    co_await client->Close(1011, opened.error().message());
    co_return;
  }
  std::vector<Connection> connections = *std::move(opened);
  CancelSource over(stop);  // the client has gone: the connections end
  auto reset = over.token().OnCancel([&connections] {
    for (Connection& one : connections) {
      one.data->Reset();
      one.error->Reset();
    }
  });
  auto abort = stop.OnCancel([client] { client->Abort(); });
  std::vector<Task<void>> both;
  both.push_back(CopyIn(client, &connections, &over));
  both.push_back(CopyAllOut(client, &connections, &ports));
  co_await WhenAll(std::move(both));
}

}  // namespace sampan::net::detail
