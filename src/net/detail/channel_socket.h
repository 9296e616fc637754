// Numbered channels on one WebSocket, as remote command and port-forward speak them: the first byte of a message names its
// channel. The base64 protocols do the same in text, for clients that cannot send binary messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/websocket.h"

namespace sampan::net::detail {

struct ChannelMessage {
  unsigned char channel = 0;
  std::string data;
};

// Borrows the socket, whose rules for callers it keeps: one receives, any number send.
class ChannelSocket {
 public:
  explicit ChannelSocket(WebSocket* socket);

  // The next message; nothing once the peer closed. BadRequest for text that is no base64.
  Task<Result<std::optional<ChannelMessage>>> Receive();
  // `message` begins with the byte of its channel and stays valid until done.
  Task<Result<void>> Send(std::string_view message);
  Task<Result<void>> Send(unsigned char channel, std::string_view data);
  Task<void> Close(uint16_t code, std::string_view reason) { return socket_->Close(code, reason); }
  void Abort() { socket_->Abort(); }
  const std::string& protocol() const { return socket_->protocol(); }

 private:
  WebSocket* socket_;
  bool base64_;
};

}  // namespace sampan::net::detail
