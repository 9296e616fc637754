#include "net/detail/http2_body.h"

#include "net/detail/http2_session.h"

namespace sampan::net::detail {

bool Http2Body::Push(std::string_view data) {
  if (!held_.open()) held_.Open(budget(), *this, client());
  if (!held_.Add(data.size())) {
    GiveWay();
    return false;
  }
  come_.append(data);
  WakeReader();
  return true;
}

void Http2Body::Complete() {
  End();
  WakeReader();
}

Result<std::optional<std::string>> Http2Body::TryTake() {
  using Piece = std::optional<std::string>;
  if (come_.empty()) {
    if (complete()) return Piece(std::string());
    if (!std::exchange(waited_for_, true)) session_->AskForBody(stream_);
    return Piece();
  }
  std::string piece = std::exchange(come_, std::string());
  held_.Release();
  session_->Consumed(stream_, piece.size());
  return Piece(std::move(piece));
}

Task<void> Http2Body::Arrival() {
  struct Awaiter {
    std::coroutine_handle<>* slot;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { *slot = handle; }
    void await_resume() const noexcept {}
  };
  co_await Awaiter{&reader_};
}

void Http2Body::WakeReader() {
  if (std::coroutine_handle<> reader = std::exchange(reader_, nullptr)) loop().Resume(reader);
}

void Http2Body::OnDetach() {
  if (session_ != nullptr && !come_.empty()) session_->Consumed(stream_, come_.size());
  session_ = nullptr;
  std::string().swap(come_);
  held_.Release();
}

}  // namespace sampan::net::detail
