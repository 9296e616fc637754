#include "node/cni/bridge.h"

#include <arpa/inet.h>

#include <fmt/format.h>

#include "codec/json.h"
#include "os/file.h"
#include "os/netlink.h"

namespace sampan::node {
namespace {

constexpr std::string_view kFile = "10-sampan.conflist";

bool IsConf(std::string_view name) {
  return name.ends_with(".conf") || name.ends_with(".conflist") || name.ends_with(".json");
}

}  // namespace

std::string BridgeConfText(const BridgeConf& conf) {
  // Made step by step: Array{Array{...}} is a copy of the inner one.
  json::Array range, ranges;
  range.push_back(json::Object{{"subnet", conf.pod_cidr}});
  ranges.push_back(std::move(range));
  json::Object ipam{{"type", "host-local"}, {"dataDir", conf.ipam_dir}, {"ranges", std::move(ranges)}};
  json::Object bridge{{"type", "bridge"},         {"bridge", conf.bridge}, {"isGateway", true},
                      {"isDefaultGateway", true}, {"hairpinMode", true},  // a pod reaches itself by its service
                      {"ipMasq", false},  // the service proxy translates what leaves the cluster
                      {"ipam", std::move(ipam)}};
  json::Object portmap{{"type", "portmap"}, {"capabilities", json::Object{{"portMappings", true}}}};
  // The cluster's DNS is at an address of the host: who takes the host's port 53 shall not have it.
  if (!conf.service_cidr.empty()) portmap["conditionsV4"] = json::Array{"!", "-d", conf.service_cidr};
  return json::Serialize(json::Object{
             {"cniVersion", "0.4.0"}, {"name", "sampan"}, {"plugins", json::Array{std::move(bridge), std::move(portmap)}}}) +
         "\n";
}

Result<WrittenConf> WriteBridgeConf(const std::string& dir, const BridgeConf& conf) {
  TRY_VOID(os::MakeDirs(dir));
  TRY(std::vector<std::string> names, os::ListDir(dir));
  for (const std::string& name : names) {
    if (IsConf(name) && name != kFile) return WrittenConf::kAnother;
  }
  const std::string path = os::JoinPath(dir, kFile);
  const std::string text = BridgeConfText(conf);
  if (os::ReadFile(path, os::kConfigFileLimit).value_or("") != text) TRY_VOID(os::WriteFileAtomic(path, text));
  return WrittenConf::kOurs;
}

Result<void> EnsureBridge(const BridgeConf& conf) {
  size_t slash = conf.pod_cidr.find('/');
  in_addr address{};
  if (slash == std::string::npos || inet_pton(AF_INET, conf.pod_cidr.substr(0, slash).c_str(), &address) != 1) {
    return Fail(Error::BadRequest("\"{}\" is no IPv4 range for pods", conf.pod_cidr));
  }
  address.s_addr = htonl(ntohl(address.s_addr) + 1);
  char gateway[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address, gateway, sizeof(gateway));
  TRY(os::Netlink netlink, os::Netlink::Open());
  if (!netlink.FindLink(conf.bridge)) {
    os::LinkSpec spec;
    spec.name = conf.bridge;
    spec.kind = "bridge";
    // An address of its own: else it is that of whichever port has the lowest, and pods' neighbour tables go stale.
    const uint32_t ip = ntohl(address.s_addr);
    spec.mac = fmt::format("0a:58:{:02x}:{:02x}:{:02x}:{:02x}", ip >> 24, (ip >> 16) & 255, (ip >> 8) & 255, ip & 255);
    TRY_VOID(netlink.CreateLink(spec));
  }
  TRY_VOID(netlink.AddAddress(conf.bridge, gateway + conf.pod_cidr.substr(slash)));
  return netlink.SetUp(conf.bridge);
}

}  // namespace sampan::node
