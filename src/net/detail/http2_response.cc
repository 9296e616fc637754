#include "async/spawn.h"
#include "net/detail/http2_client.h"

namespace sampan::net::detail {
namespace {

class Http2Response final : public ClientResponse {
 public:
  Http2Response(std::shared_ptr<Http2ClientConnection> connection, std::shared_ptr<Http2Call> call,
                CancelToken::Subscription cancel)
      : connection_(std::move(connection)),
        call_(std::move(call)),
        head_(std::move(call_->head)),
        cancel_(std::move(cancel)) {}
  ~Http2Response() override {
    IoLoop& loop = connection_->loop();
    loop.Post([connection = std::move(connection_), call = std::move(call_)] { connection->Drop(*call); });
  }

  int status() const override { return head_.status; }
  const Headers& headers() const override { return head_.headers; }

  Task<Result<std::string>> ReadSome() override {
    Executor& caller = co_await ThisExecutor();
    if (&caller == &connection_->loop()) {
      auto direct = co_await Http2ClientConnection::ReadSome(connection_, call_);
      co_return direct;
    }
    auto piece = co_await RunOn(connection_->loop(), Http2ClientConnection::ReadSome(connection_, call_));
    co_return piece;
  }

  Task<Result<std::string>> ReadAll(size_t limit) override { return ReadWhole(this, limit); }

 private:
  std::shared_ptr<Http2ClientConnection> connection_;
  std::shared_ptr<Http2Call> call_;
  ResponseHead head_;
  CancelToken::Subscription cancel_;
};

}  // namespace

std::unique_ptr<ClientResponse> NewHttp2Response(std::shared_ptr<Http2ClientConnection> connection,
                                                 std::shared_ptr<Http2Call> call, CancelToken stop) {
  auto cancel = CancelCall(connection, call, stop);
  return std::make_unique<Http2Response>(std::move(connection), std::move(call), std::move(cancel));
}

CancelToken::Subscription CancelCall(std::shared_ptr<Http2ClientConnection> connection, std::shared_ptr<Http2Call> call,
                                     CancelToken stop) {
  return stop.OnCancel([connection = std::move(connection), call = std::move(call)] {
    IoLoop& loop = connection->loop();
    loop.Post([connection, call] {
      connection->Break(*call, Exchange::Outcome::kFailed, Error::ServiceUnavailable("cancelled"));
      connection->Drop(*call);
    });
  });
}

}  // namespace sampan::net::detail
