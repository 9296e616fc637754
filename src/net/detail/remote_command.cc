#include "net/detail/remote_command.h"

#include "async/spawn.h"
#include "net/detail/websocket_frame.h"

namespace sampan::net::detail {
namespace {

constexpr size_t kReadBytes = 32 * 1024;

struct CommandStreams {
  std::unique_ptr<SpdyStream> error, in, out, err, resize;
};

Headers TypeHeader(std::string_view type) {
  Headers headers;
  headers.Add("streamtype", std::string(type));
  return headers;
}

Task<Result<CommandStreams>> OpenStreams(SpdySession* upstream, RemoteStreams wanted) {
  CommandStreams streams;
  CO_TRY(streams.error, co_await upstream->Open(TypeHeader("error")));
  if (wanted.stdin_open) {
    CO_TRY(streams.in, co_await upstream->Open(TypeHeader("stdin")));
  }
  if (wanted.stdout_open) {
    CO_TRY(streams.out, co_await upstream->Open(TypeHeader("stdout")));
  }
  if (wanted.stderr_open && !wanted.tty) {
    CO_TRY(streams.err, co_await upstream->Open(TypeHeader("stderr")));
  }
  if (wanted.tty) {
    CO_TRY(streams.resize, co_await upstream->Open(TypeHeader("resize")));
  }
  co_return streams;
}

Task<Result<void>> SendMessage(WebSocket* client, Channel channel, std::string_view data) {
  std::string message(1, static_cast<char>(channel));
  message.append(data);
  auto sent = co_await client->Send(WsKind::kBinary, message);
  co_return sent;
}

// Until the stream ends. False when the client cannot be reached any more.
Task<bool> CopyOut(WebSocket* client, SpdyStream* stream, Channel channel) {
  std::string message(1 + kReadBytes, static_cast<char>(channel));
  while (true) {
    auto length = co_await stream->Read(std::span(message).subspan(1));
    if (!length || *length == 0) co_return true;
    auto sent = co_await client->Send(WsKind::kBinary, std::string_view(message).substr(0, 1 + *length));
    if (!sent) co_return false;
  }
}

// What the client sends, until it closes or breaks.
Task<bool> CopyIn(WebSocket* client, CommandStreams* streams, CancelSource* over) {
  while (true) {
    auto message = co_await client->Receive();
    if (!message || !*message) break;
    const std::string& data = (*message)->data;
    if (data.empty()) continue;
    auto channel = static_cast<Channel>(data[0]);
    std::string_view content = std::string_view(data).substr(1);
    if (channel == Channel::kClose) {
      bool closes_stdin = !content.empty() && static_cast<Channel>(content[0]) == Channel::kStdin;
      if (closes_stdin && streams->in != nullptr) co_await streams->in->CloseWrite();
      continue;
    }
    SpdyStream* to = channel == Channel::kStdin    ? streams->in.get()
                     : channel == Channel::kResize ? streams->resize.get()
                                                   : nullptr;
    // A command that no longer reads its input still has output to give: the failed write is not the end.
    if (to != nullptr && !content.empty()) co_await to->Write(content);
  }
  over->Cancel();
  co_return true;
}

Task<bool> CopyAllOut(WebSocket* client, CommandStreams* streams) {
  std::vector<Task<bool>> copies;
  if (streams->out != nullptr) copies.push_back(CopyOut(client, streams->out.get(), Channel::kStdout));
  if (streams->err != nullptr) copies.push_back(CopyOut(client, streams->err.get(), Channel::kStderr));
  copies.push_back(CopyOut(client, streams->error.get(), Channel::kError));
  co_await WhenAll(std::move(copies));
  co_await client->Close(kWsNormal, "");
  co_return true;
}

Channel FirstReadable(RemoteStreams streams) {
  return streams.stdout_open ? Channel::kStdout : streams.stderr_open ? Channel::kStderr : Channel::kError;
}

}  // namespace

Task<void> TranslateRemoteCommand(WebSocket* client, SpdySession* upstream, RemoteStreams wanted, CancelToken stop) {
  auto opened = co_await OpenStreams(upstream, wanted);
  if (!opened) {
    co_await client->Close(1011, opened.error().message());
    co_return;
  }
  CommandStreams streams = *std::move(opened);
  // An empty message tells the client that the command is running.
  co_await SendMessage(client, FirstReadable(wanted), {});
  CancelSource over(stop);  // the client has gone: the command's streams end
  auto reset = over.token().OnCancel([&streams] {
    for (auto* stream : {&streams.error, &streams.in, &streams.out, &streams.err, &streams.resize}) {
      if (*stream != nullptr) (*stream)->Reset();
    }
  });
  auto abort = stop.OnCancel([client] { client->Abort(); });
  std::vector<Task<bool>> both;
  both.push_back(CopyIn(client, &streams, &over));
  both.push_back(CopyAllOut(client, &streams));
  co_await WhenAll(std::move(both));
}

}  // namespace sampan::net::detail
