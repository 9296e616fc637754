#include "net/detail/http1_body.h"

namespace sampan::net::detail {
namespace {

// So much is dropped for the sake of a connection; beyond it a new one is cheaper.
constexpr uint64_t kDrainBytes = 64 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Http1Body::Http1Body(Terms terms, BodyPace pace, std::shared_ptr<Connection> connection, const Framing& framing,
                     std::string unread)
    : ServerBody(std::move(terms), pace),
      connection_(std::move(connection)),
      decoder_(framing),
      unread_(std::move(unread)),
      expects_continue_(framing.expect_continue) {}

Result<std::optional<std::string>> Http1Body::TryTake() {
  using Piece = std::optional<std::string>;
  std::string piece;
  while (!complete()) {
    if (!unread_.empty()) {
      ParseState state = decoder_.Decode(unread_, piece);
      if (state == ParseState::kBad) return Fail(Error::BadRequest("{}", decoder_.reason()));
      if (state == ParseState::kDone) End();
      if (!piece.empty() || complete()) break;
    }
    Result<void> failed;
    if (!Fill(failed)) {
      if (!failed) return Fail(std::move(failed).error());
      return Piece();
    }
  }
  return Piece(std::move(piece));
}

// False when nothing came.
bool Http1Body::Fill(Result<void>& failed) {
  if (std::exchange(expects_continue_, false) && !answered_) connection_->TryWrite(kContinue);
  std::span<char> scratch = Connection::ReadScratch();
  size_t length = 0;
  switch (connection_->TryRead(scratch, length)) {
    case Connection::ReadState::kData:
      unread_.append(scratch.data(), length);
      return true;
    case Connection::ReadState::kEnd:
      failed = Fail(Error::BadRequest("unexpected EOF"));
      return false;
    case Connection::ReadState::kBroken:
      failed = Fail(connection_->BrokenError());
      return false;
    case Connection::ReadState::kWouldBlock:
      break;
  }
  return false;
}

Task<void> Http1Body::Arrival() {
  std::shared_ptr<Connection> connection = connection_;
  reading_ = true;
  co_await connection->Readable();
  reading_ = false;
}

void Http1Body::WakeReader() {
  if (reading_ && connection_ != nullptr) connection_->WakeReader();
}

bool Http1Body::Reusable() {
  if (reading_ || failure()) return false;
  if (complete()) return true;
  if (expects_continue_ && unread_.empty()) return false;  // the client decides by the answer whether it sends the body
  uint64_t dropped = 0;
  while (!complete() && dropped <= kDrainBytes) {
    Result<std::optional<std::string>> taken = TryTake();
    if (!taken) {
      FailWith(std::move(taken).error());
      return false;
    }
    if (!*taken) break;
    dropped += (*taken)->size();
  }
  return complete() || decoder_.remaining().value_or(kDrainBytes + 1) <= kDrainBytes;
}

Task<bool> Http1Body::Drain() {
  if (reading_) co_return false;
  SetPace(BodyPace());
  while (!complete()) {
    auto piece = co_await ReadSome();
    if (!piece) co_return false;
  }
  co_return true;
}

}  // namespace sampan::net::detail
