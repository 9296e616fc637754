#include "node/logs/rotation.h"

#include <fmt/chrono.h>

#include "async/contain.h"
#include "base/log.h"
#include "node/pods/manager.h"
#include "os/file.h"

namespace sampan::node {

namespace {

// The rotated ones of `path`, the oldest first.
Result<std::vector<std::string>> RotatedFiles(const std::string& path) {
  const std::string prefix = std::string(os::BaseName(path)) + ".";
  TRY(std::vector<std::string> names, os::ListDir(std::string(os::DirName(path))));  // sorted, and named by time
  std::erase_if(names, [&](const std::string& name) { return !name.starts_with(prefix); });
  return names;
}

}  // namespace

Result<bool> RotateFile(const std::string& path, const RotationPolicy& policy, WallTime now) {
  auto stat = os::LStat(path);
  if (!stat || stat->type != os::FileType::kRegular || stat->size < policy.max_bytes) return false;
  const std::string dir(os::DirName(path));
  int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  TRY_VOID(os::Rename(path, fmt::format("{}.{:%Y%m%d-%H%M%S}", path, fmt::gmtime(seconds))));
  TRY(std::vector<std::string> names, RotatedFiles(path));
  for (size_t i = 0; i + policy.max_files <= names.size(); ++i) TRY_VOID(os::RemoveFile(os::JoinPath(dir, names[i])));
  return true;
}

Result<void> RemoveLogs(const std::string& path) {
  const std::string dir(os::DirName(path));
  if (!os::Exists(dir)) return {};
  TRY(std::vector<std::string> names, RotatedFiles(path));
  for (const std::string& name : names) TRY_VOID(os::RemoveFile(os::JoinPath(dir, name)));
  return os::RemoveFile(path);
}

namespace {

Task<void> RotateOnce(PodServices* services, PodManager* pods, const RotationPolicy* policy, CancelToken stop) {
  std::vector<std::pair<std::string, std::string>> running;  // id, path
  for (PodWorker* worker : pods->All()) {
    for (const cri::Container& container : worker->runtime().containers) {
      if (container.state == cri::ContainerState::kRunning) running.emplace_back(container.id, container.log_path);
    }
  }
  for (const auto& [id, path] : running) {
    if (stop.Requested()) co_return;
    Result<bool> rotated = co_await services->blocking.Run(
        [&path, policy, now = services->clock.Now()] { return RotateFile(path, *policy, now); });
    if (!rotated) LOG_WARN("node", "cannot rotate {}: {}", path, rotated.error());
    if (!rotated || !*rotated) continue;
    Result<void> reopened = co_await services->runtime.ReopenLog(id);
    if (!reopened) LOG_WARN("node", "the runtime did not reopen {}: {}", path, reopened.error());
  }
}

}  // namespace

Task<void> RotateLogs(PodServices* services, PodManager* pods, RotationPolicy policy, CancelToken stop) {
  while (!stop.Requested()) {
    co_await services->clock.Sleep(std::chrono::seconds(10), stop);
    if (!stop.Requested()) co_await Contained("log rotation", RotateOnce(services, pods, &policy, stop));
  }
}

}  // namespace sampan::node
