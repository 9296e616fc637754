// Every kind that is kept in the store, with its strategy.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "apiserver/auth/auth.h"
#include "apiserver/registry/core/service.h"
#include "apiserver/registry/strategy.h"

namespace sampan::apiserver {

struct StrategyOptions {
  AddressRange service_range;
  uint16_t node_port_min = 30000;
  uint16_t node_port_max = 32767;
  Duration event_ttl = std::chrono::hours(1);
};

class Strategies {
 public:
  Strategies(const StrategyOptions& options, const auth::Authorizer& authorizer, Rng& rng);

  struct Entry {
    const api::KindInfo* kind;
    Strategy* strategy;
  };
  // All built-in kinds but those that are only answered, never stored (reviews, Binding).
  const std::vector<Entry>& entries() const { return entries_; }
  ServiceStrategy& services() { return *services_; }

 private:
  void Add(const api::KindInfo& kind, Strategy* strategy) { entries_.push_back({&kind, strategy}); }
  Strategy* Own(std::unique_ptr<Strategy> strategy);

  std::vector<std::unique_ptr<Strategy>> owned_;
  std::vector<Entry> entries_;
  ServiceStrategy* services_ = nullptr;
};

// One factory a file, registry/<group>/<kind>.cc.
std::unique_ptr<Strategy> NewPlainStrategy(const Traits& traits);
std::unique_ptr<Strategy> NewDeploymentStrategy();
std::unique_ptr<Strategy> NewEventStrategy(Duration time_to_live);
std::unique_ptr<Strategy> NewNamespaceStrategy();
std::unique_ptr<Strategy> NewPodStrategy();
std::unique_ptr<Strategy> NewSecretStrategy();
// Refuses roles and bindings that would give more than the writer has.
std::unique_ptr<Strategy> NewRbacStrategy(const auth::Authorizer& authorizer);

}  // namespace sampan::apiserver
