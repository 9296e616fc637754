// Kinds that need nothing of their own but their traits.
#include "apiserver/registry/strategies.h"

namespace sampan::apiserver {

namespace {

class PlainStrategy final : public Strategy {
 public:
  explicit PlainStrategy(const Traits& traits) : traits_(traits) {}
  Traits traits() const override { return traits_; }

 private:
  const Traits traits_;
};

}  // namespace

std::unique_ptr<Strategy> NewPlainStrategy(const Traits& traits) {
  return std::make_unique<PlainStrategy>(traits);
}

}  // namespace sampan::apiserver
