#include "api/table/printers.h"

namespace sampan::api::printers {
namespace {

constexpr size_t kShown = 3;  // items of a list before "+ N more..."

constexpr Column kServiceColumns[] = {
    kName,
    {"Type", "string", "How the service is exposed"},
    {"Cluster-IP", "string", "Its address inside the cluster"},
    {"External-IP", "string", "Its addresses outside the cluster"},
    {"Port(s)", "string", "Its ports, with the node ports"},
    kAge,
    {"Selector", "string", "Labels that select its pods", 1},
};

constexpr Column kEndpointsColumns[] = {kName, {"Endpoints", "string", "Addresses that are ready"}, kAge};

constexpr Column kSliceColumns[] = {
    kName,
    {"AddressType", "string", "IPv4, IPv6 or FQDN"},
    {"Ports", "string", "Ports of every endpoint"},
    {"Endpoints", "string", "Addresses of the endpoints"},
    kAge,
};

// Joins up to kShown items and tells how many are left out.
class ShortList {
 public:
  void Add(std::string_view item) {
    if (++count_ > kShown) return;
    if (!text_.empty()) text_ += ',';
    text_ += item;
  }
  std::string Get(std::string_view empty) const {
    if (count_ == 0) return std::string(empty);
    return count_ > kShown ? fmt::format("{} + {} more...", text_, count_ - kShown) : text_;
  }

 private:
  std::string text_;
  size_t count_ = 0;
};

std::string JoinAll(const json::Array& items) {
  std::vector<std::string_view> texts;
  for (const json::Value& item : items) texts.push_back(json::FindString(&item));
  return fmt::format("{}", fmt::join(texts, ","));
}

std::string ExternalIp(const json::Value& service) {
  std::string_view type = Text(service, "spec", "type");
  std::string external = JoinAll(List(service, "spec", "externalIPs"));
  if (type == "ExternalName") return std::string(Text(service, "spec", "externalName"));
  if (type != "LoadBalancer") return external.empty() ? std::string(kNone) : external;
  std::string text;
  for (const json::Value& ingress : List(service, "status", "loadBalancer", "ingress")) {
    if (!text.empty()) text += ',';
    std::string_view ip = Text(ingress, "ip");
    text += ip.empty() ? Text(ingress, "hostname") : ip;
  }
  if (!external.empty()) text += text.empty() ? external : "," + external;
  return text.empty() ? "<pending>" : text;
}

std::string Ports(const json::Value& service) {
  std::string text;
  for (const json::Value& port : List(service, "spec", "ports")) {
    if (!text.empty()) text += ',';
    text += std::to_string(Number(port, "port"));
    if (int64_t node_port = Number(port, "nodePort"); node_port != 0) text += fmt::format(":{}", node_port);
    text += fmt::format("/{}", Text(port, "protocol"));
  }
  return text.empty() ? std::string(kNone) : text;
}

void PrintService(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, Text(object, "spec", "type"));
  Put(cells, OrNone(Text(object, "spec", "clusterIP")));
  Put(cells, ExternalIp(object));
  Put(cells, Ports(object));
  Put(cells, Age(object, now));
  Put(cells, FormatLabels(json::Find(object, "spec", "selector")));
}

void PrintEndpoints(const json::Value& object, WallTime now, json::Array& cells) {
  ShortList list;
  for (const json::Value& subset : List(object, "subsets")) {
    const json::Array& ports = List(subset, "ports");
    for (const json::Value& address : List(subset, "addresses")) {
      std::string_view ip = Text(address, "ip");
      std::string host = ip.find(':') == std::string_view::npos ? std::string(ip) : fmt::format("[{}]", ip);
      if (ports.empty()) list.Add(ip);
      for (const json::Value& port : ports) list.Add(fmt::format("{}:{}", host, Number(port, "port")));
    }
  }
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, list.Get(kNone));
  Put(cells, Age(object, now));
}

void PrintSlice(const json::Value& object, WallTime now, json::Array& cells) {
  constexpr std::string_view kUnset = "<unset>";
  ShortList ports;
  for (const json::Value& port : List(object, "ports")) {
    int64_t number = Number(port, "port");
    ports.Add(number == 0 ? "*" : std::to_string(number));
  }
  ShortList endpoints;
  for (const json::Value& endpoint : List(object, "endpoints")) {
    for (const json::Value& address : List(endpoint, "addresses")) endpoints.Add(json::FindString(&address));
  }
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, Text(object, "addressType"));
  Put(cells, ports.Get(kUnset));
  Put(cells, endpoints.Get(kUnset));
  Put(cells, Age(object, now));
}

}  // namespace

std::span<const Printer> NetworkPrinters() {
  static constexpr Printer kPrinters[] = {{"", "Service", kServiceColumns, PrintService},
                                          {"", "Endpoints", kEndpointsColumns, PrintEndpoints},
                                          {"discovery.k8s.io", "EndpointSlice", kSliceColumns, PrintSlice}};
  return kPrinters;
}

}  // namespace sampan::api::printers
