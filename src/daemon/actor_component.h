// A component that is a coroutine running until it is told to stop: the shape of controllers, scheduler, proxy and DNS.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "async/gate.h"
#include "async/restart.h"
#include "async/spawn.h"
#include "daemon/supervisor.h"

namespace sampan::daemon {

// `run` is called at start, and again after a pause whenever an exception ended it; its task runs on `executor`. Stop
// cancels its token and waits for its end.
inline Component ActorComponent(std::string name, Executor& executor, Clock& clock,
                                std::function<Task<void>(CancelToken stop)> run) {
  struct Life {
    CancelSource stop;
    Gate gate;
  };
  auto life = std::make_shared<Life>();
  struct Steps {
    static Task<Result<void>> Start(std::shared_ptr<Life> life, Executor* executor, Clock* clock,
                                    std::function<Task<void>(CancelToken)> run) {
      Spawn(*executor, life->gate, RunRestarting("component", clock, std::move(run), life->stop.token()));
      co_return Result<void>();
    }
    static Task<void> Stop(std::shared_ptr<Life> life) {
      life->stop.Cancel();
      co_await life->gate.Close();
    }
  };
  return {std::move(name),
          [life, &executor, &clock, run = std::move(run)] { return Steps::Start(life, &executor, &clock, run); },
          [life] { return Steps::Stop(life); }};
}

}  // namespace sampan::daemon
