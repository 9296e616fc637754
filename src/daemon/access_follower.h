// Follows the file that says where the API is and who this process is: its certificate is renewed there.
#pragma once

#include <functional>

#include "async/cancel.h"
#include "async/clock.h"
#include "async/pool.h"
#include "client/kubeconfig.h"

namespace sampan::daemon {

struct AccessFollowing {
  std::function<Result<client::ClientConfig>()> load;                         // on a thread that may block
  std::function<Task<Result<void>>(const client::ClientConfig& access)> use;  // tried again when it fails
};

// Looks every two seconds whether it says something else than `current`, until `stop`. A file that cannot be read changes
// nothing. `clock` and `blocking` outlive it.
Task<void> FollowAccess(Clock* clock, BlockingPool* blocking, AccessFollowing following, client::ClientConfig current,
                        CancelToken stop);

}  // namespace sampan::daemon
