#include "net/detail/channel_socket.h"

#include "codec/base64.h"

namespace sampan::net::detail {

ChannelSocket::ChannelSocket(WebSocket* socket)
    : socket_(socket), base64_(socket->protocol().find("base64") != std::string::npos) {}

Task<Result<std::optional<ChannelMessage>>> ChannelSocket::Receive() {
  while (true) {
    CO_TRY(auto message, co_await socket_->Receive());
    if (!message) co_return std::optional<ChannelMessage>();
    std::string& data = message->data;
    if (data.empty()) continue;
    ChannelMessage received{.channel = static_cast<unsigned char>(data[0])};
    data.erase(0, 1);
    if (base64_) {
      // The channel is a digit there.
      auto decoded = base64::Decode(data);
      if (received.channel < '0' || !decoded) co_return Fail(Error::BadRequest("a message that is no base64"));
      received.channel -= '0';
      received.data = *std::move(decoded);
    } else {
      received.data = std::move(data);
    }
    co_return std::optional(std::move(received));
  }
}

Task<Result<void>> ChannelSocket::Send(std::string_view message) {
  if (!base64_) co_return co_await socket_->Send(WsKind::kBinary, message);
  std::string text(1, static_cast<char>('0' + message[0]));
  base64::EncodeTo(message.substr(1), text);
  co_return co_await socket_->Send(WsKind::kText, text);
}

Task<Result<void>> ChannelSocket::Send(unsigned char channel, std::string_view data) {
  std::string message(1, static_cast<char>(channel));
  message.append(data);
  co_return co_await Send(message);
}

}  // namespace sampan::net::detail
