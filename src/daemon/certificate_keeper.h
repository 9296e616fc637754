// Renews this machine's certificates while they are in use, so that no age of the server needs a restart.
#pragma once

#include <functional>

#include "async/cancel.h"
#include "async/clock.h"
#include "async/pool.h"
#include "daemon/certificates.h"

namespace sampan::daemon {

struct CertificateKeeping {
  // Makes what is due, and returns all: EnsureCertificates with this machine's names. On a thread that may block.
  std::function<Result<Certificates>(WallTime now)> renew;
  // Hands them to everything that works with them. On a thread that may block; tried again when it fails.
  std::function<Result<void>(const Certificates& all)> use;
};

// Looks every minute whether one of `current` is due by the wall clock, however that jumped, until `stop`. `clock` and
// `blocking` outlive it.
Task<void> KeepCertificates(Clock* clock, BlockingPool* blocking, CertificateKeeping keeping, Certificates current,
                            CancelToken stop);

}  // namespace sampan::daemon
