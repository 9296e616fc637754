// Roles and bindings: PUT makes them, as `kubectl auth reconcile` expects.
#include "apiserver/registry/strategies.h"

namespace sampan::apiserver {

namespace {

class RbacStrategy final : public Strategy {
 public:
  explicit RbacStrategy(const auth::Authorizer& authorizer) : authorizer_(authorizer) {}
  Traits traits() const override { return {.create_on_update = true}; }

 private:
  [[maybe_unused]] const auth::Authorizer& authorizer_;
};

}  // namespace

std::unique_ptr<Strategy> NewRbacStrategy(const auth::Authorizer& authorizer) {
  return std::make_unique<RbacStrategy>(authorizer);
}

}  // namespace sampan::apiserver
