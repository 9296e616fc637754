#include "async/io_loop.h"
#include "async/spawn.h"
#include "net/detail/body_decoder.h"
#include "net/detail/client_connection.h"
#include "net/detail/session.h"

namespace sampan::net::detail {
namespace {

constexpr size_t kReadBytes = 32 * 1024;

// Shared with reads that run on the connection's loop, so that a response may be dropped while one does.
class Body : public std::enable_shared_from_this<Body> {
 public:
  Body(std::shared_ptr<ConnectionPool> pool, std::shared_ptr<Connection> connection, Exchange exchange, bool empty)
      : pool_(std::move(pool)),
        connection_(std::move(connection)),
        framing_(exchange.framing),
        decoder_(exchange.framing),
        unread_(std::move(exchange.unread)),
        sent_(std::move(exchange.sent)) {
    // Without a length and without chunks the connection's end is the body's end.
    until_close_ = !empty && !framing_.chunked && !framing_.content_length;
    if (empty || (framing_.content_length && *framing_.content_length == 0)) Finish();
  }

  IoLoop& loop() const { return connection_->loop(); }

  Task<Result<std::string>> ReadSome() {
    std::shared_ptr<Body> keep = shared_from_this();
    std::string piece;
    while (!done_) {
      if (!unread_.empty()) {
        CO_TRY_VOID(Decode(piece));
        if (!piece.empty()) co_return piece;
        continue;
      }
      unread_.resize(kReadBytes);
      auto length = co_await connection_->Read(unread_);
      unread_.resize(length ? *length : 0);
      if (length && *length > 0) continue;
      connection_->Close();
      done_ = true;
      if (length && until_close_) break;
      broken_ = true;
      co_return Fail(length ? Error::ServiceUnavailable("the response ended early") : std::move(length).error());
    }
    if (broken_) co_return Fail(Error::ServiceUnavailable("the response ended early"));
    co_return piece;
  }

  void Drop() {
    if (!done_) connection_->Close();
  }

 private:
  Result<void> Decode(std::string& piece) {
    if (until_close_) {
      piece.swap(unread_);
      return {};
    }
    ParseState state = decoder_.Decode(unread_, piece);
    if (state == ParseState::kBad) {
      broken_ = done_ = true;
      connection_->Close();
      return Fail(Error::ServiceUnavailable("malformed response body: {}", decoder_.reason()));
    }
    if (state == ParseState::kDone) Finish();
    return {};
  }

  void Finish() {
    done_ = true;
    bool sent = sent_ == nullptr || *sent_;  // what the server did not want to read to its end
    if (framing_.keep_alive && unread_.empty() && sent) {
      pool_->PutIdle(connection_);
    } else {
      connection_->Close();
    }
  }

  std::shared_ptr<ConnectionPool> pool_;
  std::shared_ptr<Connection> connection_;
  Framing framing_;
  BodyDecoder decoder_;
  std::string unread_;
  std::shared_ptr<const bool> sent_;  // see Exchange
  bool until_close_ = false;
  bool done_ = false;
  bool broken_ = false;
};

class ClientResponseImpl final : public ClientResponse {
 public:
  ClientResponseImpl(ResponseHead head, std::shared_ptr<Body> body, CancelToken::Subscription cancel)
      : head_(std::move(head)), body_(std::move(body)), cancel_(std::move(cancel)) {}
  ~ClientResponseImpl() override {
    IoLoop& loop = body_->loop();
    loop.Post([body = std::move(body_)] { body->Drop(); });
  }

  int status() const override { return head_.status; }
  const Headers& headers() const override { return head_.headers; }

  Task<Result<std::string>> ReadSome() override {
    Executor& caller = co_await ThisExecutor();
    if (&caller == &body_->loop()) {
      auto direct = co_await body_->ReadSome();
      co_return direct;
    }
    auto piece = co_await RunOn(body_->loop(), body_->ReadSome());
    co_return piece;
  }

  Task<Result<std::string>> ReadAll(size_t limit) override { return ReadWhole(this, limit); }

 private:
  ResponseHead head_;
  std::shared_ptr<Body> body_;
  CancelToken::Subscription cancel_;
};

}  // namespace

Task<Result<std::string>> ReadWhole(ClientResponse* response, size_t limit) {
  std::string all;
  while (true) {
    CO_TRY(std::string piece, co_await response->ReadSome());
    if (piece.empty()) co_return all;
    if (all.size() + piece.size() > limit) {
      co_return Fail(Error::InternalError("the response is larger than {} bytes", limit));
    }
    if (all.empty()) {
      all = std::move(piece);
    } else {
      all += piece;
    }
  }
}

std::unique_ptr<ClientResponse> NewClientResponse(std::shared_ptr<ConnectionPool> pool,
                                                  std::shared_ptr<Connection> connection, Exchange exchange,
                                                  std::string_view method, CancelToken stop) {
  bool empty = method == "HEAD" || IsBodiless(exchange.head.status);
  ResponseHead head = std::move(exchange.head);
  auto body = std::make_shared<Body>(std::move(pool), connection, std::move(exchange), empty);
  auto cancel = stop.OnCancel([weak = std::weak_ptr(body)] {
    auto held = weak.lock();
    if (held == nullptr) return;
    IoLoop& loop = held->loop();
    loop.Post([held = std::move(held)] { held->Drop(); });
  });
  return std::make_unique<ClientResponseImpl>(std::move(head), std::move(body), std::move(cancel));
}

}  // namespace sampan::net::detail
