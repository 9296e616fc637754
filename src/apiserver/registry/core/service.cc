#include "apiserver/registry/core/service.h"

#include <algorithm>

#include "api/kind.h"
#include "apiserver/registry/core/service_fields.h"
#include "apiserver/registry/fields.h"

namespace sampan::apiserver {

namespace {

// The lower part of the range is left for services that name their address, so that they seldom find it taken.
uint32_t DynamicFirst(uint32_t size) {
  return std::min(std::max<uint32_t>(16, size / 16), uint32_t{256});
}

json::Value& SpecOf(json::Value& object) {
  ObjectAt(object, "spec");
  return object.as_object()["spec"];
}

const json::Value* SpecOf(const json::Value* object) {
  return object == nullptr ? nullptr : json::Find(*object, "spec");
}

}  // namespace

ServiceStrategy::ServiceStrategy(const AddressRange& range, uint16_t node_port_min, uint16_t node_port_max, Rng& rng)
    : range_(range),
      node_port_min_(node_port_min),
      node_port_max_(node_port_max),
      addresses_(1, DynamicFirst(range.size()), range.size() - 1, rng),
      node_ports_(node_port_min, std::min<uint32_t>(node_port_min + 86u, node_port_max), node_port_max + 1u, rng) {}

void ServiceStrategy::Recover(const store::ObjectView& services) {
  for (const api::ObjectPtr& service : services) {
    json::Value object = service->Parse();
    const json::Value* spec = json::Find(object, "spec");
    if (spec == nullptr) continue;
    if (auto offset = range_.OffsetOf(ClusterIpOf(*spec))) addresses_.Take(*offset);
    for (uint32_t port : NodePortsOf(*spec)) node_ports_.Take(port);
  }
}

Traits ServiceStrategy::traits() const {
  return {.status = true, .returns_deleted = true};
}

Result<void> ServiceStrategy::PrepareForCreate(WriteContext&, json::Value& object) {
  ObjectAt(object, "status")["loadBalancer"].emplace_object();
  FillAddressFields(SpecOf(object));
  return {};
}

Result<void> ServiceStrategy::PrepareForUpdate(WriteContext& context, json::Value& object, const json::Value& old) {
  const json::Value* old_spec = json::Find(old, "spec");
  if (context.subresource == "status" || old_spec == nullptr) return {};
  KeepAllocated(SpecOf(object), *old_spec);
  FillAddressFields(SpecOf(object));
  return {};
}

void ServiceStrategy::Validate(const WriteContext&, const json::Value& object, const json::Value*, api::Causes& causes) {
  const json::Value* policy = json::Find(object, "spec", "ipFamilyPolicy");
  api::Path spec("spec");
  if (json::FindString(policy) == "RequireDualStack") {
    causes.Invalid(api::Path(spec, "ipFamilyPolicy"), *policy, "this cluster is not configured for dual-stack services");
  }
  const json::Array* families = FindArray(json::Find(object, "spec", "ipFamilies"));
  if (families == nullptr) return;
  for (size_t i = 0; i < families->size(); ++i) {
    if (json::FindString(&(*families)[i]) != "IPv6") continue;
    api::Path list(spec, "ipFamilies");
    causes.Invalid(api::Path(list, i), (*families)[i], "not configured on this cluster");
  }
}

Result<void> ServiceStrategy::BeforeStore(WriteContext& context, json::Value& object, const json::Value* old) {
  if (context.subresource == "status") return {};
  api::Causes causes;
  const json::Value* old_spec = SpecOf(old);
  AllocateAddress(context, SpecOf(object), old_spec, causes);
  AllocateNodePorts(context, SpecOf(object), old_spec, causes);
  if (causes.empty()) return {};
  return Fail(std::move(causes).ToError(context.kind->group, context.kind->kind, context.name));
}

void ServiceStrategy::AllocateAddress(WriteContext& context, json::Value& spec, const json::Value* old,
                                      api::Causes& causes) {
  std::string wanted(ClusterIpOf(spec));
  std::optional<uint32_t> held = old == nullptr ? std::nullopt : range_.OffsetOf(ClusterIpOf(*old));
  std::optional<uint32_t> offset = range_.OffsetOf(wanted);
  if (held && offset != held) context.Then([this, released = *held] { addresses_.Release(released); });
  if (!NeedsAddress(spec) || wanted == "None" || (held && offset == held)) return;

  api::Path parent("spec");
  api::Path path(parent, "clusterIPs");
  json::Value shown(json::Array{json::Value(wanted)});
  if (wanted.empty()) {
    offset = addresses_.TakeAny();
    if (!offset) {
      causes.Invalid(path, shown, "failed to allocate a serviceIP: range is full");
      return;
    }
    spec.as_object()["clusterIP"] = range_.At(*offset);
    spec.as_object()["clusterIPs"] = json::Array{json::Value(range_.At(*offset))};
  } else if (!offset) {
    causes.Invalid(path, shown,
                   fmt::format("failed to allocate IP {}: the provided IP ({}) is not in the valid range. The range of "
                               "valid IPs is {}/{}",
                               wanted, wanted, range_.At(0), range_.prefix));
    return;
  } else if (!addresses_.Take(*offset)) {
    causes.Invalid(path, shown, fmt::format("failed to allocate IP {}: provided IP is already allocated", wanted));
    return;
  }
  context.Undo([this, taken = *offset] { addresses_.Release(taken); });
}

std::optional<uint32_t> ServiceStrategy::TakePort(WriteContext& context, uint32_t wanted, const api::Path& path,
                                                  api::Causes& causes) {
  std::optional<uint32_t> taken;
  if (wanted == 0) {
    taken = node_ports_.TakeAny();
    if (!taken) causes.Invalid(path, json::Value(0), "failed to allocate a nodePort: range is full");
  } else if (!node_ports_.Contains(wanted)) {
    causes.Invalid(path, json::Value(int64_t{wanted}),
                   fmt::format("provided port is not in the valid range. The range of valid ports is {}-{}", node_port_min_,
                               node_port_max_));
  } else if (!node_ports_.Take(wanted)) {
    causes.Invalid(path, json::Value(int64_t{wanted}), "provided port is already allocated");
  } else {
    taken = wanted;
  }
  if (taken) context.Undo([this, port = *taken] { node_ports_.Release(port); });
  return taken;
}

void ServiceStrategy::AllocateNodePorts(WriteContext& context, json::Value& spec, const json::Value* old,
                                        api::Causes& causes) {
  std::set<uint32_t> held = old == nullptr ? std::set<uint32_t>() : NodePortsOf(*old);
  std::set<uint32_t> ours = held;  // ours already, or taken for another port of this service
  api::Path parent("spec");
  if (json::Value* ports = spec.as_object().if_contains("ports"); ports != nullptr && ports->is_array()) {
    api::Path list(parent, "ports");
    for (size_t i = 0; i < ports->as_array().size(); ++i) {
      json::Value& port = ports->as_array()[i];
      auto number = static_cast<uint32_t>(FindInt(json::Find(port, "nodePort")).value_or(0));
      if (number == 0 ? !NeedsNodePorts(spec) : ours.contains(number)) continue;
      api::Path item(list, i);
      std::optional<uint32_t> taken = TakePort(context, number, api::Path(item, "nodePort"), causes);
      if (!taken) continue;
      port.as_object()["nodePort"] = int64_t{*taken};
      ours.insert(*taken);
    }
  }
  auto check = static_cast<uint32_t>(FindInt(json::Find(spec, "healthCheckNodePort")).value_or(0));
  if (NeedsHealthCheckPort(spec) && (check == 0 || !ours.contains(check))) {
    std::optional<uint32_t> taken = TakePort(context, check, api::Path(parent, "healthCheckNodePort"), causes);
    if (taken) spec.as_object()["healthCheckNodePort"] = int64_t{*taken};
  }
  std::set<uint32_t> now = NodePortsOf(spec);
  for (uint32_t port : held) {
    if (!now.contains(port)) context.Then([this, port] { node_ports_.Release(port); });
  }
}

void ServiceStrategy::AfterDelete(const api::Object& object) {
  json::Value value = object.Parse();
  const json::Value* spec = json::Find(value, "spec");
  if (spec == nullptr) return;
  if (auto offset = range_.OffsetOf(ClusterIpOf(*spec))) addresses_.Release(*offset);
  for (uint32_t port : NodePortsOf(*spec)) node_ports_.Release(port);
}

}  // namespace sampan::apiserver
