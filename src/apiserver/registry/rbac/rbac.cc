// Roles and bindings: PUT makes them, as `kubectl auth reconcile` expects, and nobody grants what he does not hold.
#include "apiserver/auth/rules.h"
#include "apiserver/registry/strategies.h"

namespace sampan::apiserver {

namespace {

class RbacStrategy final : public Strategy {
 public:
  explicit RbacStrategy(const auth::Authorizer& authorizer) : authorizer_(authorizer) {}
  Traits traits() const override { return {.create_on_update = true}; }

  Result<void> PrepareForCreate(WriteContext& context, json::Value& object) override {
    return auth::CheckGrant(authorizer_, context.user, object, nullptr);
  }
  Result<void> PrepareForUpdate(WriteContext& context, json::Value& object, const json::Value& old) override {
    return auth::CheckGrant(authorizer_, context.user, object, &old);
  }

 private:
  const auth::Authorizer& authorizer_;
};

}  // namespace

std::unique_ptr<Strategy> NewRbacStrategy(const auth::Authorizer& authorizer) {
  return std::make_unique<RbacStrategy>(authorizer);
}

}  // namespace sampan::apiserver
