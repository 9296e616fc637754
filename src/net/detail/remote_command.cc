#include "net/detail/remote_command.h"

#include "async/spawn.h"
#include "codec/json.h"
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

// Until the stream ends. False when the client cannot be reached any more.
Task<bool> CopyOut(ChannelSocket* client, SpdyStream* stream, Channel channel) {
  std::string message(1 + kReadBytes, static_cast<char>(channel));
  while (true) {
    auto length = co_await stream->Read(std::span(message).subspan(1));
    if (!length || *length == 0) co_return true;
    auto sent = co_await client->Send(std::string_view(message).substr(0, 1 + *length));
    if (!sent) co_return false;
  }
}

// The text of a failure in the Status that the runtime sent; nothing for a success.
std::string FailureText(const std::string& status) {
  auto parsed = json::Parse(status);
  if (!parsed) return status;
  if (json::FindString(json::Find(*parsed, "status")) == "Success") return {};
  return std::string(json::FindString(json::Find(*parsed, "message")));
}

Task<bool> CopyError(ChannelSocket* client, SpdyStream* stream, ErrorChannel errors) {
  if (errors == ErrorChannel::kStatus) co_return co_await CopyOut(client, stream, Channel::kError);
  std::string status(kReadBytes, 0);
  size_t length = 0;
  while (length < status.size()) {
    auto piece = co_await stream->Read(std::span(status).subspan(length));
    if (!piece || *piece == 0) break;
    length += *piece;
  }
  status.resize(length);
  std::string text = status.empty() ? std::string() : FailureText(status);
  if (text.empty()) co_return true;
  auto sent = co_await client->Send(static_cast<unsigned char>(Channel::kError), text);
  co_return sent.has_value();
}

// What the client sends, until it closes or breaks.
Task<bool> CopyIn(ChannelSocket* client, CommandStreams* streams, CancelSource* over) {
  while (true) {
    auto message = co_await client->Receive();
    if (!message || !*message) break;
    auto channel = static_cast<Channel>((*message)->channel);
    std::string_view content = (*message)->data;
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

Task<bool> CopyAllOut(ChannelSocket* client, CommandStreams* streams, ErrorChannel errors) {
  std::vector<Task<bool>> copies;
  if (streams->out != nullptr) copies.push_back(CopyOut(client, streams->out.get(), Channel::kStdout));
  if (streams->err != nullptr) copies.push_back(CopyOut(client, streams->err.get(), Channel::kStderr));
  copies.push_back(CopyError(client, streams->error.get(), errors));
  co_await WhenAll(std::move(copies));
  co_await client->Close(kWsNormal, "");
  co_return true;
}

Channel FirstReadable(RemoteStreams streams) {
  return streams.stdout_open ? Channel::kStdout : streams.stderr_open ? Channel::kStderr : Channel::kError;
}

}  // namespace

Task<void> TranslateRemoteCommand(ChannelSocket* client, SpdySession* upstream, RemoteStreams wanted, ErrorChannel errors,
                                  CancelToken stop) {
  auto opened = co_await OpenStreams(upstream, wanted);
  if (!opened) {
    co_await client->Close(1011, opened.error().message());
    co_return;
  }
  CommandStreams streams = *std::move(opened);
  // An empty message tells the client that the command is running.
  co_await client->Send(static_cast<unsigned char>(FirstReadable(wanted)), {});
  CancelSource over(stop);  // the client has gone: the command's streams end
  auto reset = over.token().OnCancel([&streams] {
    for (auto* stream : {&streams.error, &streams.in, &streams.out, &streams.err, &streams.resize}) {
      if (*stream != nullptr) (*stream)->Reset();
    }
  });
  auto abort = stop.OnCancel([client] { client->Abort(); });
  std::vector<Task<bool>> both;
  both.push_back(CopyIn(client, &streams, &over));
  both.push_back(CopyAllOut(client, &streams, errors));
  co_await WhenAll(std::move(both));
}

}  // namespace sampan::net::detail
