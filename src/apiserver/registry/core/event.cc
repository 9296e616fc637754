// Event: kept for a while after it was last seen, then forgotten.
#include <array>

#include "apiserver/registry/strategies.h"
#include "store/cache.h"

namespace sampan::apiserver {

namespace {

class EventStrategy final : public Strategy {
 public:
  explicit EventStrategy(Duration time_to_live) : time_to_live_(time_to_live) {}

  Traits traits() const override { return {.create_on_update = true, .expires = true}; }

  std::optional<WallTime> ExpiresAt(const api::Object& object) override {
    constexpr std::array<std::string_view, 4> kPaths = {"lastTimestamp", "series.lastObservedTime", "eventTime",
                                                        "metadata.creationTimestamp"};
    std::optional<WallTime> last;
    for (std::string_view path : kPaths) {
      // Read from the text: decoding would keep a struct beside every event.
      std::optional<WallTime> seen = ParseTime(store::StringAt(object.bytes(), path));
      if (seen && (!last || *seen > *last)) last = seen;
    }
    if (!last) return std::nullopt;
    return *last + time_to_live_;
  }

 private:
  const Duration time_to_live_;
};

}  // namespace

std::unique_ptr<Strategy> NewEventStrategy(Duration time_to_live) {
  return std::make_unique<EventStrategy>(time_to_live);
}

}  // namespace sampan::apiserver
