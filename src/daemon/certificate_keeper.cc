#include "daemon/certificate_keeper.h"

#include "async/contain.h"
#include "base/log.h"

namespace sampan::daemon {
namespace {

constexpr Duration kLook = std::chrono::minutes(1);

Task<Result<Certificates>> Renewed(BlockingPool* blocking, const CertificateKeeping* keeping, WallTime now) {
  auto renew = [keeping, now]() -> Result<Certificates> {
    TRY(Certificates all, keeping->renew(now));
    TRY_VOID(keeping->use(all));
    return all;
  };
  co_return co_await blocking->Run(std::move(renew));
}

}  // namespace

Task<void> KeepCertificates(Clock* clock, BlockingPool* blocking, CertificateKeeping keeping, Certificates current,
                            CancelToken stop) {
  while (co_await clock->Sleep(kLook, stop)) {
    if (!RenewalDue(current, clock->Now())) continue;
    auto renewed = co_await Contained("certificate renewal", Renewed(blocking, &keeping, clock->Now()));
    if (renewed) {
      current = *std::move(renewed);
      LOG_INFO("certificates", "renewed");
    } else {
      LOG_ERROR("certificates", "cannot renew: {}; trying again in {}", renewed.error(), FormatDuration(kLook));
    }
  }
}

}  // namespace sampan::daemon
