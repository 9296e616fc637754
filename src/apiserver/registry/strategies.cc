#include "apiserver/registry/strategies.h"

#include "api/types/apps.h"
#include "api/types/coordination.h"
#include "api/types/core.h"
#include "api/types/discovery.h"
#include "api/types/rbac.h"

namespace sampan::apiserver {

Strategy* Strategies::Own(std::unique_ptr<Strategy> strategy) {
  owned_.push_back(std::move(strategy));
  return owned_.back().get();
}

Strategies::Strategies(const StrategyOptions& options, const auth::Authorizer& authorizer, Rng& rng) {
  namespace core = api::core;
  auto services =
      std::make_unique<ServiceStrategy>(options.service_range, options.node_port_min, options.node_port_max, rng);
  services_ = services.get();
  Add(api::KindOf<core::Service>(), Own(std::move(services)));
  Add(api::KindOf<core::Namespace>(), Own(NewNamespaceStrategy()));
  Add(api::KindOf<core::Pod>(), Own(NewPodStrategy()));
  Add(api::KindOf<core::Secret>(), Own(NewSecretStrategy()));

  Strategy* plain = Own(NewPlainStrategy({}));
  Add(api::KindOf<core::ConfigMap>(), plain);
  Add(api::KindOf<core::Node>(), Own(NewPlainStrategy({.status = true, .status_on_create = true})));
  Add(api::KindOf<core::ServiceAccount>(), Own(NewPlainStrategy({.returns_deleted = true})));
  Add(api::KindOf<core::Endpoints>(), Own(NewPlainStrategy({.create_on_update = true})));
  Add(api::KindOf<core::Event>(), Own(NewEventStrategy(options.event_ttl)));
  Add(api::KindOf<api::discovery::EndpointSlice>(), Own(NewPlainStrategy({.generation = true})));
  Add(api::KindOf<api::coordination::Lease>(),
      Own(NewPlainStrategy({.create_on_update = true, .unconditional_update = false})));

  Add(api::KindOf<api::apps::Deployment>(), Own(NewDeploymentStrategy()));
  Add(api::KindOf<api::apps::ReplicaSet>(), Own(NewPlainStrategy({.generation = true, .status = true})));

  Strategy* rbac = Own(NewRbacStrategy(authorizer));
  Add(api::KindOf<api::rbac::Role>(), rbac);
  Add(api::KindOf<api::rbac::RoleBinding>(), rbac);
  Add(api::KindOf<api::rbac::ClusterRole>(), rbac);
  Add(api::KindOf<api::rbac::ClusterRoleBinding>(), rbac);
}

}  // namespace sampan::apiserver
