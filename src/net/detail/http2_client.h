// HTTP/2, client side, by nghttp2: one connection that carries many requests at once.
#pragma once

#include <nghttp2/nghttp2.h>

#include <atomic>
#include <coroutine>
#include <memory>
#include <string>
#include <unordered_map>

#include "net/detail/client_connection.h"

namespace sampan::net::detail {

// One request and its answer. For the loop of its connection.
struct Http2Call {
  int32_t id = -1;
  ResponseHead head;
  size_t header_bytes = 0;
  bool answered = false;                                   // the head is there
  bool ended = false;                                      // the answer is complete
  bool closed = false;                                     // nghttp2 has closed the stream
  Exchange::Outcome outcome = Exchange::Outcome::kFailed;  // when it failed
  std::optional<Error> failure;
  std::string come;  // of the answer's body, not read yet; bounded by the stream's window
  std::coroutine_handle<> reader;

  // The request's body on its way.
  std::string out;
  size_t out_sent = 0;
  bool out_ended = false;
  bool deferred = false;  // nghttp2 waits for more of it
  std::coroutine_handle<> drained;
  std::unique_ptr<IoLoop::Timer> late;
};

class Http2ClientConnection : public std::enable_shared_from_this<Http2ClientConnection> {
 public:
  // On the connection's loop, after its handshake.
  static std::shared_ptr<Http2ClientConnection> Start(std::shared_ptr<Connection> connection);
  explicit Http2ClientConnection(std::shared_ptr<Connection> connection);
  ~Http2ClientConnection();
  Http2ClientConnection(const Http2ClientConnection&) = delete;
  Http2ClientConnection& operator=(const Http2ClientConnection&) = delete;

  IoLoop& loop() const { return connection_->loop(); }
  // Whether it takes another request now. Any thread.
  bool HasRoom() const { return usable_.load() && open_.load() < most_.load(); }
  // Whether it ever will. Any thread.
  bool usable() const { return usable_.load(); }
  // Takes no further request, and ends with those that run. Any thread.
  void Retire();

  // The rest is for the loop. Sends `request` and waits for the answer's head; a failed call tells how far it came. The
  // request outlives the task.
  static Task<std::shared_ptr<Http2Call>> Run(std::shared_ptr<Http2ClientConnection> self, const ClientRequest* request,
                                              std::string host, CancelToken stop);
  static Task<Result<std::string>> ReadSome(std::shared_ptr<Http2ClientConnection> self, std::shared_ptr<Http2Call> call);
  // Nobody waits for the answer any more.
  void Drop(Http2Call& call);
  void Break(Http2Call& call, Exchange::Outcome outcome, Error error);

 private:
  friend struct Http2ClientCallbacks;
  void Configure();
  static Task<void> ReadLoop(std::shared_ptr<Http2ClientConnection> self);
  static Task<void> WriteLoop(std::shared_ptr<Http2ClientConnection> self);
  static Task<void> SendStream(std::shared_ptr<Http2ClientConnection> self, std::shared_ptr<Http2Call> call,
                               std::shared_ptr<BodyReader> stream, Duration timeout);
  Result<void> Submit(const std::shared_ptr<Http2Call>& call, const ClientRequest& request, const std::string& host);
  void ArmLate(Http2Call& call, Duration timeout);
  void OnHeader(Http2Call& call, std::string_view name, std::string_view value);
  void OnFrame(const nghttp2_frame& frame);
  void OnData(Http2Call* call, int32_t id, std::string_view data);
  void OnClose(int32_t id, uint32_t error);
  ssize_t FillData(Http2Call& call, uint8_t* buffer, size_t length, uint32_t* flags);
  void OnTick();
  void End(std::string why);
  void WakeWriter();
  void Wake(std::coroutine_handle<>& handle);

  std::shared_ptr<Connection> connection_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, std::shared_ptr<Http2Call>> calls_;
  std::coroutine_handle<> writer_;
  std::unique_ptr<IoLoop::Timer> tick_;
  int silent_ticks_ = 0;
  bool ended_ = false;
  std::atomic<bool> usable_{true};
  std::atomic<size_t> open_{0};
  std::atomic<size_t> most_{100};
};

// Breaks the call when `stop` is requested.
CancelToken::Subscription CancelCall(std::shared_ptr<Http2ClientConnection> connection, std::shared_ptr<Http2Call> call,
                                     CancelToken stop);
std::unique_ptr<ClientResponse> NewHttp2Response(std::shared_ptr<Http2ClientConnection> connection,
                                                 std::shared_ptr<Http2Call> call, CancelToken stop);

}  // namespace sampan::net::detail
