// The body of an HTTP/2 request: its stream's window opens as it is read.
#pragma once

#include <coroutine>
#include <string>
#include <string_view>

#include "net/detail/server_body.h"

namespace sampan::net::detail {

class Http2Session;

class Http2Body final : public ServerBody {
 public:
  Http2Body(Terms terms, BodyPace pace, Http2Session& session, int32_t stream)
      : ServerBody(std::move(terms), pace), session_(&session), stream_(stream) {}

  // From the session, on its loop. False when the client holds more than its share of memory; the body then fails.
  bool Push(std::string_view data);
  void Complete();
  void Break() { FailWith(Error::ServiceUnavailable("the client closed the stream")); }

 private:
  Result<std::optional<std::string>> TryTake() override;
  Task<void> Arrival() override;
  void WakeReader() override;
  void OnDetach() override;

  Http2Session* session_;  // null once detached
  const int32_t stream_;
  std::string come_;  // not read yet; bounded by the stream's window
  BodyCharge held_;
  bool waited_for_ = false;
  std::coroutine_handle<> reader_;
};

}  // namespace sampan::net::detail
