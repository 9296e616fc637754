#include "controllers/common/service_pods.h"

#include <map>

#include "controllers/common/selector_index.h"

namespace sampan::controllers {
namespace {

using api::core::Pod;
using api::core::Service;

// By "namespace/label=value".
constexpr std::string_view kLabelIndex = "labels";

std::string LabelKey(std::string_view namespace_, std::string_view key, std::string_view value) {
  return fmt::format("{}/{}={}", namespace_, key, value);
}

template <class Port>
std::string_view ProtocolOf(const Port& port) {
  return port.protocol.empty() ? std::string_view("TCP") : std::string_view(port.protocol);
}

}  // namespace

bool IsBackend(const Pod& pod) {
  return !pod.status.pod_ip.empty() && pod.status.phase != "Succeeded" && pod.status.phase != "Failed";
}

Backend MakeBackend(const ServicePtr& service, const PodPtr& pod) {
  Backend backend{pod};
  backend.serving = IsReady(*pod);
  backend.terminating = pod.object()->deleting();
  backend.ready = service->spec.publish_not_ready_addresses.value_or(false) || (backend.serving && !backend.terminating);
  return backend;
}

ResolvedPorts ResolvePorts(const std::vector<api::core::ServicePort>& ports, const Pod& pod) {
  using Named = std::pair<std::string_view, std::string_view>;  // protocol and name
  std::map<Named, int32_t> named;
  auto add = [&named](const std::vector<api::core::Container>& containers) {
    for (const api::core::Container& container : containers) {
      for (const api::core::ContainerPort& port : container.ports) {
        named.try_emplace(Named(ProtocolOf(port), port.name), port.container_port);
      }
    }
  };
  bool by_name = std::ranges::any_of(
      ports, [](const api::core::ServicePort& port) { return port.target_port && port.target_port->is_string(); });
  if (by_name) {
    add(pod.spec.containers);
    add(pod.spec.init_containers);  // a sidecar is an init container that keeps running
  }
  ResolvedPorts resolved;
  resolved.reserve(ports.size());
  for (const api::core::ServicePort& port : ports) {
    std::optional<int32_t>& number = resolved.emplace_back();
    if (port.target_port && port.target_port->is_string()) {
      auto found = named.find(Named(ProtocolOf(port), port.target_port->text()));
      if (found != named.end()) number = found->second;
    } else {
      int32_t target = port.target_port ? port.target_port->number() : 0;
      number = target == 0 ? port.port : target;
    }
  }
  return resolved;
}

std::string HostnameIn(const ServicePtr& service, const PodPtr& pod) {
  return pod->spec.subdomain == service.name() ? pod->spec.hostname : std::string();
}

std::string AddressOf(const Pod& pod, std::string_view family) {
  bool want_v6 = family == "IPv6";
  auto is_v6 = [](std::string_view ip) { return ip.find(':') != std::string_view::npos; };
  for (const api::core::PodIP& ip : pod.status.pod_ips) {
    if (is_v6(ip.ip) == want_v6) return ip.ip;
  }
  return is_v6(pod.status.pod_ip) == want_v6 ? pod.status.pod_ip : std::string();
}

bool AltersBackend(const PodPtr& before, const PodPtr& after) {
  return before.head().labels != after.head().labels || before.object()->deleting() != after.object()->deleting() ||
         before->status.pod_ip != after->status.pod_ip || before->status.pod_ips != after->status.pod_ips ||
         before->status.phase != after->status.phase || IsReady(*before) != IsReady(*after) ||
         before->spec.node_name != after->spec.node_name;
}

void ServicePodsController::Subscribe() {
  services_ = Source<Service>();
  pods_ = Source<Pod>();
  pods_->cache().AddIndex(std::string(kLabelIndex), [](const api::Object& object, std::vector<std::string>& keys) {
    for (const auto& [key, value] : object.head().labels) keys.push_back(LabelKey(object.namespace_(), key, value));
  });
  AddSelectorIndex(services_.untyped(), [](const api::Object& object) {
    const api::StringMap& selector = object.As<Service>().spec.selector;
    return selector.empty() ? nullptr : &selector;
  });
  QueueChangesOf(services_.untyped());
  Listen(pods_.untyped(), {.added = [this](const ObjectPtr& pod) { QueueSelecting(*pod); },
                           .updated =
                               [this](const ObjectPtr& before, const ObjectPtr& after) {
                                 if (!AltersBackend(PodPtr(before), PodPtr(after))) return;
                                 QueueSelecting(*after);
                                 if (before->head().labels != after->head().labels) QueueSelecting(*before);
                               },
                           .deleted = [this](const ObjectPtr& last) { QueueSelecting(*last); }});
}

void ServicePodsController::QueueSelecting(const api::Object& pod) {
  std::vector<ObjectPtr> candidates = SelectorCandidates(services_->cache(), pod.namespace_(), pod.head().labels);
  for (const ServicePtr& service : client::Typed<Service>(std::move(candidates))) {
    const api::StringMap& selector = service->spec.selector;
    bool selected = std::ranges::all_of(selector, [&pod](const auto& wanted) {
      const std::string* value = pod.head().labels.Find(wanted.first);
      return value != nullptr && *value == wanted.second;
    });
    if (selected) QueueAfter(client::KeyOf(*service.object()), delay_);
  }
}

std::vector<PodPtr> ServicePodsController::Selected(const ServicePtr& service) const {
  const api::StringMap& selector = service->spec.selector;
  if (selector.empty()) return {};
  // Starts from the rarest of the selector's labels.
  std::string best;
  size_t best_count = 0;
  for (const auto& [key, value] : selector) {
    std::string index_key = LabelKey(service.namespace_(), key, value);
    size_t count = pods_->cache().CountByIndex(kLabelIndex, index_key);
    if (best.empty() || count < best_count) {
      best = std::move(index_key);
      best_count = count;
    }
  }
  std::vector<PodPtr> pods = pods_.ByIndex(kLabelIndex, best);
  api::LabelSelector wanted = api::LabelSelector::FromMap(selector);
  std::erase_if(pods, [&wanted](const PodPtr& pod) { return !wanted.Matches(pod.head().labels); });
  return pods;
}

}  // namespace sampan::controllers
