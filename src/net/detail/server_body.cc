#include "net/detail/server_body.h"

#include "async/spawn.h"

namespace sampan::net::detail {
namespace {

MonoTime Now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

ServerBody::ServerBody(Terms terms, BodyPace pace)
    : loop_(terms.loop), budget_(terms.budget), client_(std::move(terms.client)), length_(terms.length), pace_(pace) {}

void ServerBody::FailWith(Error error) {
  if (failure_) return;
  failure_ = std::move(error);
  gathered_.Release();
  WakeReader();
}

void ServerBody::Detach() {
  FailWith(Error::ServiceUnavailable("the request has been answered"));
  gathered_.Release();
  late_.reset();
  OnDetach();
}

double ServerBody::seconds_late() const {
  Duration now = waiting_since_ == MonoTime{} ? Duration::zero() : Now() - waiting_since_;
  return std::chrono::duration<double>(waited_ + now).count();
}

void ServerBody::GiveWay() {
  FailWith(Error::TooManyRequests("too many request bodies at once, try again later"));
}

Task<void> ServerBody::Wait() {
  if (late_ == nullptr) {
    late_ = std::make_unique<IoLoop::Timer>(loop_, [this] {
      too_slow_ = true;
      FailWith(Error::Timeout("the request body did not arrive in time"));
    });
  }
  if (brought_ >= pace_.bytes) {
    brought_ = 0;
    waited_ = Duration::zero();
  }
  if (pace_.window > Duration::zero()) late_->Arm(std::max(pace_.window - waited_, Duration(1)));
  waiting_since_ = Now();
  co_await Arrival();
  waited_ += Now() - std::exchange(waiting_since_, MonoTime{});
  if (late_ != nullptr) late_->Disarm();
}

Task<Result<std::string>> ServerBody::Next(std::shared_ptr<ServerBody> self) {
  while (true) {
    if (failure_) co_return Fail(*failure_);
    Result<std::optional<std::string>> taken = TryTake();
    if (!taken) {
      FailWith(taken.error());
      co_return Fail(std::move(taken).error());
    }
    if (*taken) {
      brought_ += (*taken)->size();
      co_return **std::move(taken);
    }
    co_await Wait();
  }
}

Task<Result<std::string>> ServerBody::Gather(std::shared_ptr<ServerBody> self, size_t limit, std::string account) {
  auto too_large = [limit] { return Error::RequestEntityTooLarge("Request entity too large: limit is {}", limit); };
  if (length_.value_or(0) > limit) co_return Fail(too_large());
  std::string all;
  while (true) {
    CO_TRY(std::string piece, co_await Next(self));
    if (piece.empty()) co_return all;
    if (piece.size() > limit - all.size()) co_return Fail(too_large());
    if (!gathered_.open()) gathered_.Open(budget_, *this, account.empty() ? client_ : account);
    if (!gathered_.Add(piece.size())) {
      GiveWay();
      co_return Fail(*failure_);
    }
    if (all.empty()) {
      all = std::move(piece);
    } else {
      all += piece;
    }
  }
}

Task<Result<std::string>> ServerBody::ReadSome() {
  Executor& caller = co_await ThisExecutor();
  if (&caller == &loop_) {
    auto direct = co_await Next(shared_from_this());
    co_return direct;
  }
  auto piece = co_await RunOn(loop_, Next(shared_from_this()));
  co_return piece;
}

Task<Result<std::string>> ServerBody::ReadAll(size_t limit, std::string account) {
  Executor& caller = co_await ThisExecutor();
  if (&caller == &loop_) {
    auto direct = co_await Gather(shared_from_this(), limit, std::move(account));
    co_return direct;
  }
  auto all = co_await RunOn(loop_, Gather(shared_from_this(), limit, std::move(account)));
  co_return all;
}

}  // namespace sampan::net::detail
