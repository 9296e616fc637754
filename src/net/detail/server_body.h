// What the bodies of HTTP/1.1 and HTTP/2 requests have in common: pace, limits, shares of memory, the hop to their loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/io_loop.h"
#include "net/detail/body_budget.h"
#include "net/http.h"

namespace sampan::net::detail {

// Made and detached by its session, on the session's loop. Handlers may keep it longer: then it fails.
class ServerBody : public BodyReader, public BodyHolder, public std::enable_shared_from_this<ServerBody> {
 public:
  struct Terms {
    IoLoop& loop;
    BodyBudget& budget;  // both outlive the body until Detach
    std::string client;  // the account of what is held for a client that nobody knows yet
    std::optional<uint64_t> length;
  };

  Task<Result<std::string>> ReadSome() override;
  Task<Result<std::string>> ReadAll(size_t limit, std::string account) override;
  std::optional<uint64_t> length() const override { return length_; }
  void SetPace(BodyPace pace) override { pace_ = pace; }

  // The request has been answered: what reads still gets an error.
  void Detach();
  // On the loop. Whether all of it has come.
  bool complete() const { return ended_; }
  // Whether it came so slowly that the answer is 408.
  bool too_slow() const { return too_slow_; }

  bool receiving() const override { return !ended_ && !failure_; }
  double seconds_late() const override;
  void GiveWay() override;

 protected:
  ServerBody(Terms terms, BodyPace pace);

  // What there is of the body, without waiting: nothing when there is nothing yet. Calls End() with the last piece.
  virtual Result<std::optional<std::string>> TryTake() = 0;
  // Suspends until there may be more, or WakeReader was called.
  virtual Task<void> Arrival() = 0;
  virtual void WakeReader() = 0;
  virtual void OnDetach() = 0;

  void End() { ended_ = true; }
  // Everything that reads from now on fails with it; the first counts.
  void FailWith(Error error);
  const std::optional<Error>& failure() const { return failure_; }
  IoLoop& loop() const { return loop_; }
  BodyBudget& budget() const { return budget_; }
  const std::string& client() const { return client_; }

 private:
  Task<Result<std::string>> Next(std::shared_ptr<ServerBody> self);
  Task<Result<std::string>> Gather(std::shared_ptr<ServerBody> self, size_t limit, std::string account);
  Task<void> Wait();

  IoLoop& loop_;
  BodyBudget& budget_;
  const std::string client_;
  const std::optional<uint64_t> length_;
  BodyPace pace_;
  BodyCharge gathered_;
  std::unique_ptr<IoLoop::Timer> late_;  // made by the first wait
  MonoTime waiting_since_{};             // zero: nobody waits
  Duration waited_{0};                   // in this window
  size_t brought_ = 0;                   // by this window
  std::optional<Error> failure_;
  bool ended_ = false;
  bool too_slow_ = false;
};

}  // namespace sampan::net::detail
