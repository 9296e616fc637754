// The body of an HTTP/1.1 request: read from the socket when it is asked for, not before.
#pragma once

#include <memory>
#include <string>

#include "net/detail/body_decoder.h"
#include "net/detail/connection.h"
#include "net/detail/server_body.h"

namespace sampan::net::detail {

class Http1Body final : public ServerBody {
 public:
  // `unread` is what came behind the head; TakeUnread gives back what belongs to the next request.
  Http1Body(Terms terms, BodyPace pace, std::shared_ptr<Connection> connection, const Framing& framing, std::string unread);

  // The client is told no more to go on.
  void AnswerBegins() { answered_ = true; }
  // Drops what has come. Whether the connection can serve another request, for little or nothing is missing.
  bool Reusable();
  // Drops what is missing; false when the connection cannot be used again.
  Task<bool> Drain();
  std::string TakeUnread() { return std::move(unread_); }

 private:
  Result<std::optional<std::string>> TryTake() override;
  Task<void> Arrival() override;
  void WakeReader() override;
  void OnDetach() override { connection_.reset(); }
  bool Fill(Result<void>& failed);

  std::shared_ptr<Connection> connection_;
  BodyDecoder decoder_;
  std::string unread_;
  bool expects_continue_;
  bool answered_ = false;
  bool reading_ = false;
};

}  // namespace sampan::net::detail
