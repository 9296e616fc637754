#include "apiserver/gate/places.h"

#include "apiserver/errors.h"

namespace sampan::apiserver {

Places::Places(const PlaceLimits& limits)
    : limits_{static_cast<int64_t>(limits.readonly), static_cast<int64_t>(limits.mutating),
              static_cast<int64_t>(limits.long_running)} {}

FlowSchema Places::Classify(const ApiRequest& request) {
  FlowSchema schema;
  if (request.info.long_running()) {
    schema.flow = Flow::kLongRunning;
  } else if (request.info.mutating()) {
    schema.flow = Flow::kMutating;
  }
  if (request.user.InGroup(auth::kMastersGroup)) schema.exempt = Exempt::kYes;
  return schema;
}

Task<Result<Place>> Places::Acquire(FlowSchema schema) {
  auto flow = static_cast<size_t>(schema.flow);
  std::atomic<int64_t>& count = counts_[flow];
  if (count.fetch_add(1, std::memory_order_relaxed) >= limits_[flow] && schema.exempt == Exempt::kNo) {
    count.fetch_sub(1, std::memory_order_relaxed);
    refused_.fetch_add(1, std::memory_order_relaxed);
    co_return Fail(TooManyRequestsError());
  }
  co_return Place(count);
}

}  // namespace sampan::apiserver
