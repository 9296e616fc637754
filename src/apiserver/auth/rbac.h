// The RBAC authorizer: follows the caches of roles and bindings and answers from its index. Lifecycle: construct, Start,
// Stop, destroy.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "apiserver/auth/rules.h"
#include "async/cancel.h"
#include "async/gate.h"
#include "base/guarded.h"
#include "store/cache.h"

namespace sampan::apiserver::auth {

// Thread-safe.
class Rbac final : public Authorizer, public RuleSource {
 public:
  // Borrowed: both outlive it.
  Rbac(store::CacheSet& caches, Executor& background);

  // Follows the caches from now on; done once all that was stored is indexed.
  Task<Result<void>> Start();
  Task<void> Stop();

  Decision Authorize(const Attributes& attributes) const override;
  Decision Explain(const Attributes& attributes) const override;
  const RuleSource* rules() const override { return this; }
  UserRules RulesFor(const UserInfo& user, std::string_view namespace_) const override;
  std::optional<PolicyRules> RulesOf(std::string_view namespace_, const api::rbac::RoleRef& role) const override;

 private:
  enum class Kind : unsigned char { kRole, kClusterRole, kRoleBinding, kClusterRoleBinding };
  // What is indexed, to notice what vanished while a cache loaded anew.
  using Known = std::map<std::pair<std::string, std::string>, api::ObjectPtr>;
  void Set(Kind kind, const api::Object& object);
  void Erase(Kind kind, const api::Object& object);
  static Task<void> Follow(Rbac* self, Kind kind, std::shared_ptr<store::Cache> cache);
  static Task<Result<void>> FollowOnce(Rbac* self, Kind kind, std::shared_ptr<store::Cache> cache, Known* known);

  store::CacheSet& caches_;
  Executor& background_;
  Guarded<RbacIndex> index_;
  CancelSource stop_;
  Gate gate_;
};

}  // namespace sampan::apiserver::auth
