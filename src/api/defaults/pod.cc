#include "api/defaults/rules.h"

namespace sampan::api::defaults {
namespace {

// The pull policy that goes with an image name: a name without tag and digest means :latest, which is always pulled.
std::string_view PullPolicy(std::string_view image) {
  size_t digest = image.find('@');
  std::string_view name = image.substr(0, digest);
  size_t colon = name.rfind(':');
  size_t slash = name.rfind('/');
  bool tagged = colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  if (tagged) return name.substr(colon + 1) == "latest" ? "Always" : "IfNotPresent";
  return digest == std::string_view::npos ? "Always" : "IfNotPresent";
}

void HandlerProbe(json::Object& container, std::string_view key) {
  json::Object* probe = ObjectAt(container, key);
  if (probe == nullptr) return;
  // Zero is as good as absent in a probe's numbers.
  static constexpr std::pair<std::string_view, int> kNumbers[] = {
      {"timeoutSeconds", 1}, {"periodSeconds", 10}, {"successThreshold", 1}, {"failureThreshold", 3}};
  for (const auto& [name, value] : kNumbers) {
    json::Value& number = (*probe)[name];
    if (number.is_null() || (number.is_int64() && number.get_int64() == 0)) number = value;
  }
}

void Container(json::Object& container) {
  if (Unset(container, "imagePullPolicy")) container["imagePullPolicy"] = PullPolicy(StringAt(container, "image"));
  for (std::string_view probe : {"livenessProbe", "readinessProbe", "startupProbe"}) HandlerProbe(container, probe);
}

void Volume(json::Object& volume) {
  bool has_source = false;
  for (const auto& member : volume) has_source |= member.key() != "name" && !member.value().is_null();
  if (!has_source) volume["emptyDir"].emplace_object();
}

template <class Function>
void ForEachObject(json::Object& parent, std::string_view key, Function function) {
  json::Array* items = ArrayAt(parent, key);
  if (items == nullptr) return;
  for (json::Value& item : *items) {
    if (json::Object* object = item.if_object()) function(*object);
  }
}

constexpr std::string_view kContainerLists[] = {"initContainers", "containers", "ephemeralContainers"};

// What a pod and a template of pods share.
void PodSpec(json::Object& spec) {
  for (std::string_view list : kContainerLists) ForEachObject(spec, list, Container);
  ForEachObject(spec, "volumes", Volume);
  // A negative grace period means the shortest.
  json::Value* grace = spec.if_contains("terminationGracePeriodSeconds");
  if (grace != nullptr && grace->is_int64() && grace->get_int64() < 0) *grace = 1;
  // `serviceAccount` is the old name of `serviceAccountName`; both are always served.
  if (Unset(spec, "serviceAccountName") && !Unset(spec, "serviceAccount")) {
    spec["serviceAccountName"] = json::Value(spec["serviceAccount"]);
  }
  if (!Unset(spec, "serviceAccountName")) spec["serviceAccount"] = json::Value(spec["serviceAccountName"]);
}

// Whoever sets only a limit requests as much.
void RequestWhatIsLimited(json::Object& container) {
  json::Object* resources = ObjectAt(container, "resources");
  json::Object* limits = resources == nullptr ? nullptr : ObjectAt(*resources, "limits");
  if (limits == nullptr || limits->empty()) return;
  json::Object copy = *limits;
  json::Value& requests = (*resources)["requests"];
  if (requests.is_null()) requests.emplace_object();
  if (!requests.is_object()) return;
  for (auto& limit : copy) requests.get_object().emplace(limit.key(), std::move(limit.value()));
}

// On the host's network the port of the container is the port of the host.
void HostPorts(json::Object& container) {
  ForEachObject(container, "ports", [](json::Object& port) {
    const json::Value* host = port.if_contains("hostPort");
    bool unset = host == nullptr || host->is_null() || (host->is_int64() && host->get_int64() == 0);
    if (const json::Value* own = port.if_contains("containerPort"); unset && own != nullptr) {
      port["hostPort"] = json::Value(*own);
    }
  });
}

}  // namespace

void Pod(json::Object& object) {
  json::Object* spec = ObjectAt(object, "spec");
  if (spec == nullptr) return;
  PodSpec(*spec);
  if (Unset(*spec, "enableServiceLinks")) (*spec)["enableServiceLinks"] = true;
  for (std::string_view list : {"initContainers", "containers"}) {
    ForEachObject(*spec, list, RequestWhatIsLimited);
    if (TrueAt(*spec, "hostNetwork")) ForEachObject(*spec, list, HostPorts);
  }
}

void PodTemplateOwner(json::Object& object) {
  json::Object* owner = object.contains("template") ? &object : ObjectAt(object, "spec");
  json::Object* pod_template = owner == nullptr ? nullptr : ObjectAt(*owner, "template");
  json::Object* spec = pod_template == nullptr ? nullptr : ObjectAt(*pod_template, "spec");
  if (spec != nullptr) PodSpec(*spec);
}

}  // namespace sampan::api::defaults
