// Service: cluster addresses and node ports are allocated here, and nowhere else.
#pragma once

#include "apiserver/registry/address_range.h"
#include "apiserver/registry/number_pool.h"
#include "apiserver/registry/strategy.h"
#include "store/sorted_objects.h"

namespace sampan::apiserver {

class ServiceStrategy final : public Strategy {
 public:
  ServiceStrategy(const AddressRange& range, uint16_t node_port_min, uint16_t node_port_max, Rng& rng);

  // Takes what the stored services hold. Before the first request.
  void Recover(const store::ObjectView& services);
  const AddressRange& range() const { return range_; }

  Traits traits() const override;
  Result<void> PrepareForCreate(WriteContext& context, json::Value& object) override;
  Result<void> PrepareForUpdate(WriteContext& context, json::Value& object, const json::Value& old) override;
  void Validate(const WriteContext& context, const json::Value& object, const json::Value* old,
                api::Causes& causes) override;
  Result<void> BeforeStore(WriteContext& context, json::Value& object, const json::Value* old) override;
  void AfterDelete(const api::Object& object) override;

 private:
  void AllocateAddress(WriteContext& context, json::Value& spec, const json::Value* old, api::Causes& causes);
  void AllocateNodePorts(WriteContext& context, json::Value& spec, const json::Value* old, api::Causes& causes);
  std::optional<uint32_t> TakePort(WriteContext& context, uint32_t wanted, const api::Path& path, api::Causes& causes);

  AddressRange range_;
  uint16_t node_port_min_, node_port_max_;
  NumberPool addresses_;
  NumberPool node_ports_;
};

}  // namespace sampan::apiserver
