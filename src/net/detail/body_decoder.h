// Cuts the body of one HTTP/1.1 message out of a connection's bytes.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "net/detail/http1_parser.h"

namespace sampan::net::detail {

// For messages with a length or in chunks; neither: the body is empty.
class BodyDecoder {
 public:
  explicit BodyDecoder(const Framing& framing) : chunked_(framing.chunked), remaining_(framing.content_length.value_or(0)) {}

  // Moves content from the front of `unread` to the end of `piece`. kDone: that was the last, what `unread` still holds
  // belongs to the next message. kBad: for reason().
  ParseState Decode(std::string& unread, std::string& piece) {
    if (chunked_) {
      size_t consumed = 0;
      ParseState state = chunks_.Feed(unread, consumed, piece);
      unread.erase(0, consumed);
      return state;
    }
    size_t length = static_cast<size_t>(std::min<uint64_t>(remaining_, unread.size()));
    remaining_ -= length;
    if (piece.empty() && length == unread.size()) {
      piece.swap(unread);
    } else {
      piece.append(unread, 0, length);
      unread.erase(0, length);
    }
    return remaining_ == 0 ? ParseState::kDone : ParseState::kIncomplete;
  }
  std::string_view reason() const { return chunks_.reason(); }
  // What is still to come, where that is known.
  std::optional<uint64_t> remaining() const { return chunked_ ? std::nullopt : std::optional(remaining_); }

 private:
  bool chunked_;
  uint64_t remaining_;
  ChunkedDecoder chunks_;
};

}  // namespace sampan::net::detail
