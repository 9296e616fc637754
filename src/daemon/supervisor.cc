#include "daemon/supervisor.h"

#include "base/log.h"

namespace sampan::daemon {

Task<Result<void>> Supervisor::Start() {
  MonoTime begin = clock_.Monotonic();
  for (; started_ < components_.size(); ++started_) {
    Component& component = components_[started_];
    MonoTime before = clock_.Monotonic();
    auto started = co_await component.start();
    if (!started) {
      Error error = started.error().Annotate(component.name);
      co_await Stop();
      co_return Fail(std::move(error));
    }
    LOG_INFO("supervisor", "{} started in {}", component.name, FormatDuration(clock_.Monotonic() - before));
  }
  LOG_INFO("supervisor", "{} components started in {}", started_, FormatDuration(clock_.Monotonic() - begin));
  co_return Result<void>();
}

Task<void> Supervisor::Stop() {
  while (started_ > 0) {
    Component& component = components_[--started_];
    if (component.stop) co_await component.stop();
    LOG_DEBUG("supervisor", "{} stopped", component.name);
  }
}

}  // namespace sampan::daemon
