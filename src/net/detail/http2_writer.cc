#include "net/detail/http2_writer.h"

#include "base/check.h"

namespace sampan::net::detail {

Task<Result<void>> Http2Writer::Respond(Response response) {
  CHECK(state_ == State::kNone);
  state_ = State::kDone;
  if (stream_.body != nullptr) TellTooSlow(*stream_.body, session_.server(), response);
  size_t length = 0;
  for (const Chunk& chunk : response.body) length += chunk.data.size();
  bool silent = Silent(response.status);
  stream_.finished = true;
  if (!silent) session_.Enqueue(stream_, std::move(response.body));
  std::optional<size_t> content_length;
  if (!IsBodiless(response.status)) content_length = length;
  session_.SubmitHead(stream_, response.status, response.headers, content_length, !silent && length > 0);
  auto drained = co_await Drained();
  co_return drained;
}

Task<Result<void>> Http2Writer::Start(int status, Headers headers) {
  CHECK(state_ == State::kNone);
  state_ = State::kStreaming;
  silent_ = Silent(status);
  session_.SubmitHead(stream_, status, headers, std::nullopt, !silent_);
  auto drained = co_await Drained();
  co_return drained;
}

Task<Result<void>> Http2Writer::Write(std::vector<Chunk> chunks) {
  CHECK(state_ == State::kStreaming);
  if (!silent_ && !stream_.closed) {
    session_.Enqueue(stream_, std::move(chunks));
    session_.ResumeData(stream_);
  }
  auto drained = co_await Drained();
  co_return drained;
}

Task<Result<void>> Http2Writer::Finish() {
  CHECK(state_ == State::kStreaming);
  state_ = State::kDone;
  stream_.finished = true;
  session_.ResumeData(stream_);
  auto drained = co_await Drained();
  co_return drained;
}

Task<Result<std::unique_ptr<Stream>>> Http2Writer::Upgrade(Headers) {
  co_return Fail(Error::BadRequest("an upgrade needs HTTP/1.1"));
}

Task<Result<void>> Http2Writer::Drained() {
  struct Awaiter {
    Http2Session& session;
    Http2Stream& stream;
    bool await_ready() const noexcept { return session.MayLeave(stream); }
    void await_suspend(std::coroutine_handle<> handle) noexcept { stream.drained = handle; }
    void await_resume() const noexcept {}
  };
  co_await Awaiter{session_, stream_};
  if (stream_.closed && !(stream_.finished && stream_.queued_bytes == 0 && !stream_.gone.token().Requested())) {
    co_return Fail(Error::ServiceUnavailable("the client closed the stream"));
  }
  co_return Result<void>();
}

Task<void> Http2Writer::End(Ended how) {
  if (state_ == State::kNone) {
    bool thrown = how == Ended::kThrown;
    std::string_view why = thrown ? "the request failed, the server's log tells why" : "the handler gave no answer";
    co_await Respond(session_.server().ErrorResponse(500, why));
  } else if (state_ == State::kStreaming) {
    stream_.finished = true;
    session_.ResetStream(stream_, NGHTTP2_INTERNAL_ERROR);
  }
}

}  // namespace sampan::net::detail
