// The answer to one HTTP/2 request.
#pragma once

#include <memory>
#include <vector>

#include "net/detail/http2_session.h"

namespace sampan::net::detail {

class Http2Writer final : public ResponseWriter {
 public:
  Http2Writer(Http2Session& session, Http2Stream& stream) : session_(session), stream_(stream) {}

  Task<Result<void>> Respond(Response response) override;
  Task<Result<void>> Start(int status, Headers headers) override;
  Task<Result<void>> Write(std::vector<Chunk> chunks) override;
  Task<Result<void>> Finish() override;
  Task<Result<std::unique_ptr<Stream>>> Upgrade(Headers headers) override;

  enum class Ended : unsigned char { kReturned, kThrown };
  // After the handler: answers for one that did not, resets a stream that was left unfinished.
  Task<void> End(Ended how);

 private:
  enum class State : unsigned char { kNone, kStreaming, kDone };
  Task<Result<void>> Drained();
  bool Silent(int status) const { return stream_.request.method == "HEAD" || IsBodiless(status); }

  Http2Session& session_;
  Http2Stream& stream_;
  State state_ = State::kNone;
  bool silent_ = false;
};

}  // namespace sampan::net::detail
