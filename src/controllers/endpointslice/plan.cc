#include "controllers/endpointslice/plan.h"

#include <algorithm>
#include <map>

namespace sampan::controllers::endpointslice {
namespace {

using api::discovery::Endpoint;
using api::discovery::EndpointPort;

using Ports = std::vector<EndpointPort>;

std::string PortsKey(const Ports& ports) {
  std::string key;
  for (const EndpointPort& port : ports) {
    key += fmt::format("{}/{}/{}/{};", port.name, port.protocol, port.port.value_or(0), port.app_protocol);
  }
  return key;
}

Ports PortsOf(const ServicePtr& service, const ResolvedPorts& numbers) {
  Ports ports;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const api::core::ServicePort& port = service->spec.ports[i];
    if (!numbers[i]) continue;
    ports.push_back({port.name, port.protocol.empty() ? "TCP" : port.protocol, *numbers[i], port.app_protocol});
  }
  return ports;
}

Endpoint EndpointOf(const ServicePtr& service, const PodPtr& pod, std::string address) {
  Backend backend = MakeBackend(service, pod);
  Endpoint endpoint;
  endpoint.addresses.push_back(std::move(address));
  endpoint.conditions = api::discovery::EndpointConditions{backend.ready, backend.serving, backend.terminating};
  endpoint.hostname = HostnameIn(service, pod);
  api::core::ObjectReference target;
  target.kind = "Pod";
  target.namespace_ = pod.namespace_();
  target.name = pod.name();
  target.uid = pod.uid();
  endpoint.target_ref = std::move(target);
  endpoint.node_name = pod->spec.node_name;
  return endpoint;
}

std::string KeyOf(const Endpoint& endpoint) {
  return endpoint.target_ref.OrEmpty().uid + "/" + (endpoint.addresses.empty() ? "" : endpoint.addresses.front());
}

// What has the same ports goes into the same slices.
struct Group {
  Ports ports;
  std::map<std::string, Endpoint> wanted;  // by KeyOf; ordered, so that equal input gives equal slices
};
using Groups = std::map<std::string, Group>;  // by PortsKey

// A slice being rewritten.
struct Draft {
  SlicePtr origin;  // null for a new slice
  Ports ports;
  std::vector<Endpoint> endpoints;
  bool changed = false;

  size_t room() const { return kMaxEndpoints - std::min(kMaxEndpoints, endpoints.size()); }
};

Groups GroupEndpoints(const ServicePtr& service, std::span<const PodPtr> pods, std::string_view family) {
  Groups groups;
  std::map<ResolvedPorts, Group*> known;  // most pods are alike: their ports are written once
  for (const PodPtr& pod : pods) {
    if (!IsBackend(*pod)) continue;
    std::string address = AddressOf(*pod, family);
    if (address.empty()) continue;
    ResolvedPorts numbers = ResolvePorts(service->spec.ports, *pod);
    auto [entry, fresh] = known.try_emplace(std::move(numbers), nullptr);
    Group*& group = entry->second;
    if (fresh) {
      Ports ports = PortsOf(service, entry->first);
      // No port of the service is one of the pod's: nothing to connect to.
      bool none = ports.empty() && !service->spec.ports.empty();
      if (!none) {
        group = &groups[PortsKey(ports)];
        group->ports = std::move(ports);
      }
    }
    if (group == nullptr) continue;
    Endpoint endpoint = EndpointOf(service, pod, std::move(address));
    std::string key = KeyOf(endpoint);
    group->wanted.emplace(std::move(key), std::move(endpoint));
  }
  return groups;
}

// The slice with what is still wanted of it, brought up to date and taken out of the group.
Draft Refresh(const SlicePtr& slice, Group& group) {
  Draft draft{slice, group.ports, {}, false};
  for (const Endpoint& endpoint : slice->endpoints) {
    auto wanted = group.wanted.find(KeyOf(endpoint));
    if (wanted == group.wanted.end()) {
      draft.changed = true;
      continue;
    }
    if (!(wanted->second == endpoint)) draft.changed = true;
    draft.endpoints.push_back(std::move(wanted->second));
    group.wanted.erase(wanted);
  }
  return draft;
}

void Fill(Draft& draft, Group& group) {
  while (draft.room() > 0 && !group.wanted.empty()) {
    draft.endpoints.push_back(std::move(group.wanted.begin()->second));
    group.wanted.erase(group.wanted.begin());
    draft.changed = true;
  }
}

// Finds places for the endpoints that no slice holds yet. `spare`: empty slices that may take any ports.
void Place(Group& group, std::vector<Draft>& drafts, std::vector<SlicePtr>& spare) {
  for (Draft& draft : drafts) {
    if (draft.changed) Fill(draft, group);
  }
  // Of the slices that need no write yet, the fullest that takes all that is left; so few are touched.
  Draft* best = nullptr;
  for (Draft& draft : drafts) {
    if (draft.room() >= group.wanted.size() && (best == nullptr || draft.room() < best->room())) best = &draft;
  }
  if (best != nullptr) Fill(*best, group);
  while (!group.wanted.empty()) {
    Draft draft{{}, group.ports, {}, true};
    if (!spare.empty()) {
      draft.origin = std::move(spare.back());
      spare.pop_back();
    }
    Fill(draft, group);
    drafts.push_back(std::move(draft));
  }
}

api::StringMap LabelsOf(const ServicePtr& service) {
  api::StringMap labels = service.head().labels;
  labels[kServiceName] = service.name();
  labels[kManagedBy] = std::string(kManager);
  if (IsHeadless(*service)) {
    labels["service.kubernetes.io/headless"] = "";
  } else {
    labels.Erase("service.kubernetes.io/headless");
  }
  return labels;
}

EndpointSlice Render(const ServicePtr& service, std::string_view family, Draft draft) {
  EndpointSlice slice;
  if (draft.origin) {
    slice.metadata = draft.origin->metadata;
  } else {
    slice.metadata.generate_name = service.name() + "-";
    slice.metadata.namespace_ = service.namespace_();
    slice.metadata.owner_references.push_back({"v1", "Service", service.name(), service.uid(), true, true});
  }
  slice.metadata.labels = LabelsOf(service);
  slice.address_type = family;
  slice.endpoints = std::move(draft.endpoints);
  slice.ports = std::move(draft.ports);
  return slice;
}

void PlanFamily(const ServicePtr& service, std::span<const PodPtr> pods, std::vector<SlicePtr> existing,
                std::string_view family, Plan& plan) {
  std::ranges::sort(existing, {}, [](const SlicePtr& slice) { return slice.name(); });
  Groups groups = GroupEndpoints(service, pods, family);
  std::map<std::string, std::vector<Draft>> drafts;
  std::vector<SlicePtr> spare;
  for (const SlicePtr& slice : existing) {
    std::string key = PortsKey(slice->ports);
    auto group = groups.find(key);
    if (group == groups.end()) {
      spare.push_back(slice);
      continue;
    }
    Draft draft = Refresh(slice, group->second);
    if (draft.endpoints.empty()) {
      spare.push_back(slice);
    } else {
      drafts[key].push_back(std::move(draft));
    }
  }
  for (auto& [key, group] : groups) Place(group, drafts[key], spare);

  api::StringMap labels = LabelsOf(service);
  size_t kept = 0;
  for (auto& [key, list] : drafts) {
    for (Draft& draft : list) {
      ++kept;
      if (!draft.origin) {
        plan.create.push_back(Render(service, family, std::move(draft)));
      } else if (draft.changed || !(draft.origin->metadata.labels == labels)) {
        plan.update.push_back(Render(service, family, std::move(draft)));
      }
    }
  }
  // A service without endpoints keeps one empty slice, so that its readers know it is served.
  if (kept == 0 && spare.empty()) {
    plan.create.push_back(Render(service, family, Draft{}));
  } else if (kept == 0) {
    SlicePtr last = spare.front();
    spare.erase(spare.begin());
    bool bare = last->endpoints.empty() && last->metadata.labels == labels;
    if (!bare) plan.update.push_back(Render(service, family, Draft{last, last->ports, {}, true}));
  }
  for (SlicePtr& slice : spare) plan.remove.push_back(std::move(slice));
}

}  // namespace

Plan PlanSlices(const ServicePtr& service, std::span<const PodPtr> pods, std::span<const SlicePtr> existing) {
  Plan plan;
  std::vector<std::string> families = service->spec.ip_families;
  if (families.empty()) families.emplace_back("IPv4");
  std::map<std::string, std::vector<SlicePtr>> by_family;
  for (const SlicePtr& slice : existing) {
    if (!slice.object()->deleting()) by_family[slice->address_type].push_back(slice);
  }
  for (const std::string& family : families) {
    PlanFamily(service, pods, std::move(by_family[family]), family, plan);
    by_family.erase(family);
  }
  for (auto& [family, slices] : by_family) {
    for (SlicePtr& slice : slices) plan.remove.push_back(std::move(slice));
  }
  return plan;
}

}  // namespace sampan::controllers::endpointslice
