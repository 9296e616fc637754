// Nodes, namespaces, configuration, accounts, events, leases.
#include "api/table/printers.h"

namespace sampan::api::printers {
namespace {

constexpr Column kNodeColumns[] = {
    kName,
    {"Status", "string", "Whether the node takes pods"},
    {"Roles", "string", "What the node is for"},
    kAge,
    {"Version", "string", "Version of the node's agent"},
    {"Internal-IP", "string", "The node's address in the cluster", 1},
    {"External-IP", "string", "The node's address outside", 1},
    {"OS-Image", "string", "The node's operating system", 1},
    {"Kernel-Version", "string", "The node's kernel", 1},
    {"Container-Runtime", "string", "The node's container runtime", 1},
};
constexpr Column kNamespaceColumns[] = {kName, {"Status", "string", "Active or Terminating"}, kAge};
constexpr Column kConfigMapColumns[] = {kName, {"Data", "string", "How many keys it has"}, kAge};
constexpr Column kSecretColumns[] = {
    kName, {"Type", "string", "What the secret is for"}, {"Data", "string", "How many keys it has"}, kAge};
constexpr Column kAccountColumns[] = {kName, {"Secrets", "string", "How many secrets it may use"}, kAge};
constexpr Column kLeaseColumns[] = {kName, {"Holder", "string", "Who holds the lease"}, kAge};
constexpr Column kEventColumns[] = {
    {"Last Seen", "string", "Time since it happened last"},
    {"Type", "string", "Normal or Warning"},
    {"Reason", "string", "Why, in a word"},
    {"Object", "string", "What it is about"},
    {"Subobject", "string", "The part of the object", 1},
    {"Source", "string", "Who reports it", 1},
    {"Message", "string", "What happened"},
    {"First Seen", "string", "Time since it happened first", 1},
    {"Count", "string", "How often it happened", 1},
    {"Name", "string", "The event's name", 1},
};

std::string NodeStatus(const json::Value& node) {
  std::string status = "Unknown";
  for (const json::Value& condition : List(node, "status", "conditions")) {
    if (Text(condition, "type") == "Ready") status = Text(condition, "status") == "True" ? "Ready" : "NotReady";
  }
  if (Flag(node, "spec", "unschedulable")) status += ",SchedulingDisabled";
  return status;
}

std::string Roles(const json::Value& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string_view> roles;
  const json::Value* labels = json::Find(node, "metadata", "labels");
  if (labels != nullptr && labels->is_object()) {
    for (const auto& label : labels->get_object()) {
      std::string_view key = label.key();
      if (key.starts_with(kPrefix) && key.size() > kPrefix.size()) roles.insert(key.substr(kPrefix.size()));
      std::string_view value = json::FindString(&label.value());
      if (key == "kubernetes.io/role" && !value.empty()) roles.insert(value);
    }
  }
  return roles.empty() ? std::string(kNone) : fmt::format("{}", fmt::join(roles, ","));
}

std::string_view Address(const json::Value& node, std::string_view type) {
  for (const json::Value& address : List(node, "status", "addresses")) {
    if (Text(address, "type") == type) return Text(address, "address");
  }
  return kNone;
}

void PrintNode(const json::Value& object, WallTime now, json::Array& cells) {
  auto info = [&](std::string_view field) {
    std::string_view text = Text(object, "status", "nodeInfo", field);
    return text.empty() ? std::string_view("<unknown>") : text;
  };
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, NodeStatus(object));
  Put(cells, Roles(object));
  Put(cells, Age(object, now));
  Put(cells, Text(object, "status", "nodeInfo", "kubeletVersion"));
  Put(cells, Address(object, "InternalIP"));
  Put(cells, Address(object, "ExternalIP"));
  for (std::string_view field : {"osImage", "kernelVersion", "containerRuntimeVersion"}) Put(cells, info(field));
}

void PrintNamespace(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, Text(object, "status", "phase"));
  Put(cells, Age(object, now));
}

void PrintConfigMap(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  cells.emplace_back(static_cast<int64_t>(Count(object, "data") + Count(object, "binaryData")));
  Put(cells, Age(object, now));
}

void PrintSecret(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, Text(object, "type"));
  cells.emplace_back(static_cast<int64_t>(Count(object, "data")));
  Put(cells, Age(object, now));
}

void PrintAccount(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  cells.emplace_back(static_cast<int64_t>(Count(object, "secrets")));
  Put(cells, Age(object, now));
}

void PrintLease(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, Text(object, "spec", "holderIdentity"));
  Put(cells, Age(object, now));
}

std::string EventSource(const json::Value& event) {
  std::string_view component = Text(event, "source", "component");
  std::string_view host = Text(event, "source", "host");
  if (component.empty()) component = Text(event, "reportingComponent");
  if (component.empty()) component = Text(event, "reportingController");
  return host.empty() ? std::string(component) : fmt::format("{}, {}", component, host);
}

void PrintEvent(const json::Value& object, WallTime now, json::Array& cells) {
  auto first_of = [&](std::initializer_list<std::string_view> fields) {
    for (std::string_view field : fields) {
      if (std::string_view time = Text(object, field); !time.empty()) return time;
    }
    return std::string_view();
  };
  std::string_view first = first_of({"firstTimestamp", "deprecatedFirstTimestamp", "eventTime"});
  std::string_view last = first_of({"lastTimestamp", "deprecatedLastTimestamp"});
  if (last.empty()) last = first;
  int64_t count = std::max(Number(object, "count"), Number(object, "deprecatedCount"));
  if (std::string_view seen = Text(object, "series", "lastObservedTime"); !seen.empty()) {
    last = seen;
    count = Number(object, "series", "count");
  }
  std::string_view about = json::Find(object, "regarding") != nullptr ? "regarding" : "involvedObject";
  std::string kind(Text(object, about, "kind"));
  for (char& c : kind) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  std::string_view message = Text(object, about == "regarding" ? "note" : "message");
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.remove_suffix(1);
  Put(cells, Since(last, now));
  Put(cells, Text(object, "type"));
  Put(cells, Text(object, "reason"));
  Put(cells, fmt::format("{}/{}", kind, Text(object, about, "name")));
  Put(cells, Text(object, about, "fieldPath"));
  Put(cells, EventSource(object));
  Put(cells, message);
  Put(cells, Since(first, now));
  cells.emplace_back(std::max<int64_t>(count, 1));
  Put(cells, Text(object, "metadata", "name"));
}

}  // namespace

std::span<const Printer> CorePrinters() {
  static constexpr Printer kPrinters[] = {{"", "Node", kNodeColumns, PrintNode},
                                          {"", "Namespace", kNamespaceColumns, PrintNamespace},
                                          {"", "ConfigMap", kConfigMapColumns, PrintConfigMap},
                                          {"", "Secret", kSecretColumns, PrintSecret},
                                          {"", "ServiceAccount", kAccountColumns, PrintAccount},
                                          {"", "Event", kEventColumns, PrintEvent},
                                          {"events.k8s.io", "Event", kEventColumns, PrintEvent},
                                          {"coordination.k8s.io", "Lease", kLeaseColumns, PrintLease}};
  return kPrinters;
}

}  // namespace sampan::api::printers
