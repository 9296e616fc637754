#include "daemon/access_follower.h"

#include "async/contain.h"
#include "base/log.h"

namespace sampan::daemon {
namespace {

constexpr Duration kLook = std::chrono::seconds(2);

// Brings `current` up to date; true when something changed.
Task<Result<bool>> Follow(BlockingPool* blocking, const AccessFollowing* following, client::ClientConfig* current) {
  CO_TRY(client::ClientConfig now, co_await blocking->Run([following] { return following->load(); }));
  if (now == *current) co_return false;
  CO_TRY_VOID(co_await following->use(now));
  *current = std::move(now);
  co_return true;
}

}  // namespace

Task<void> FollowAccess(Clock* clock, BlockingPool* blocking, AccessFollowing following, client::ClientConfig current,
                        CancelToken stop) {
  std::string last_fault;
  while (co_await clock->Sleep(kLook, stop)) {
    auto changed = co_await Contained("access", Follow(blocking, &following, &current));
    if (changed && *changed) LOG_INFO("access", "now by {} with a new kubeconfig", current.server);
    std::string fault = changed ? "" : changed.error().message();
    if (!fault.empty() && fault != last_fault) LOG_WARN("access", "stays as it was: {}", fault);
    last_fault = std::move(fault);
  }
}

}  // namespace sampan::daemon
