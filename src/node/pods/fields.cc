#include "node/pods/fields.h"

#include <algorithm>

namespace sampan::node {
namespace {

// key="value" lines, the value quoted as Go's %q does for plain text.
std::string FormatMap(const api::StringMap& map) {
  std::string out;
  for (const auto& [key, value] : map) {
    if (!out.empty()) out += '\n';
    out += key;
    out += '=';
    json::AppendQuoted(value, out);
  }
  return out;
}

// metadata.labels['key'] and metadata.annotations['key'].
Result<std::string> MapEntry(const api::core::Pod& pod, std::string_view path) {
  size_t open = path.find("['");
  if (!path.ends_with("']") || open == std::string_view::npos) {
    return Fail(Error::BadRequest("unsupported fieldPath: {}", path));
  }
  std::string_view name = path.substr(0, open), key = path.substr(open + 2, path.size() - open - 4);
  if (name == "metadata.labels") return pod.metadata.labels.Get(key);
  if (name == "metadata.annotations") return pod.metadata.annotations.Get(key);
  return Fail(Error::BadRequest("unsupported fieldPath: {}", path));
}

const api::core::Container* FindContainer(const api::core::PodSpec& spec, std::string_view name) {
  for (const auto* list : {&spec.containers, &spec.init_containers}) {
    auto found = std::ranges::find(*list, name, &api::core::Container::name);
    if (found != list->end()) return &*found;
  }
  return nullptr;
}

}  // namespace

Result<std::string> FieldValue(const FieldContext& context, std::string_view path) {
  const api::core::Pod& pod = context.pod;
  if (path == "metadata.name") return pod.metadata.name;
  if (path == "metadata.namespace") return pod.metadata.namespace_;
  if (path == "metadata.uid") return pod.metadata.uid;
  if (path == "metadata.labels") return FormatMap(pod.metadata.labels);
  if (path == "metadata.annotations") return FormatMap(pod.metadata.annotations);
  if (path == "spec.nodeName") return context.node_name;
  if (path == "spec.serviceAccountName") return pod.spec.service_account_name;
  if (path == "status.hostIP" || path == "status.hostIPs") return context.host_ip;
  if (path == "status.podIP" || path == "status.podIPs") return context.pod_ip;
  return MapEntry(pod, path);
}

Result<std::string> ResourceValue(const FieldContext& context, const api::core::ResourceFieldSelector& selector,
                                  const api::core::Container* self) {
  const api::core::Container* container =
      selector.container_name.empty() ? self : FindContainer(context.pod.spec, selector.container_name);
  if (container == nullptr) return Fail(Error::BadRequest("container {} not found", selector.container_name));
  size_t dot = selector.resource.find('.');
  std::string_view kind = std::string_view(selector.resource).substr(0, dot);
  std::string_view name =
      dot == std::string::npos ? std::string_view() : std::string_view(selector.resource).substr(dot + 1);
  if ((kind != "limits" && kind != "requests") || name.empty()) {
    return Fail(Error::BadRequest("unsupported container resource: {}", selector.resource));
  }
  const auto& resources = container->resources.OrEmpty();
  const api::Quantity* quantity = (kind == "limits" ? resources.limits : resources.requests).Find(name);
  if (quantity == nullptr && kind == "requests") quantity = resources.limits.Find(name);
  if (quantity == nullptr && kind == "limits" && context.allocatable != nullptr) quantity = context.allocatable->Find(name);
  if (quantity == nullptr) return std::string("0");
  api::Quantity divisor = selector.divisor.value_or(api::Quantity::Of(1));
  if (divisor.IsZero()) divisor = api::Quantity::Of(1);
  if (name == "cpu") {
    int64_t unit = std::max<int64_t>(divisor.MilliValue(), 1);
    return std::to_string((quantity->MilliValue() + unit - 1) / unit);
  }
  int64_t unit = std::max<int64_t>(divisor.Value(), 1);
  return std::to_string((quantity->Value() + unit - 1) / unit);
}

}  // namespace sampan::node
