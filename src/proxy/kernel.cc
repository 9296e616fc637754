#include "proxy/kernel.h"

#include <netinet/in.h>

#include "base/log.h"
#include "os/netns.h"
#include "os/nft.h"
#include "os/sysctl.h"
#include "proxy/rule_set.h"

namespace sampan::proxy {

namespace {

constexpr const char* kRouteLocalnet = "net.ipv4.conf.all.route_localnet";
constexpr const char* kBridgeFilter = "net.bridge.bridge-nf-call-iptables";

Result<LocalReplies> PrepareHost() {
  TRY_VOID(os::WriteSysctl("net.ipv4.ip_forward", "1"));
  Result<void> bridge = os::WriteSysctl(kBridgeFilter, "1");
  if (bridge) return LocalReplies::kSeen;
  LOG_INFO("proxy", "bridged packets bypass the packet filter, services will see node addresses: {}", bridge.error());
  return LocalReplies::kUnseen;
}

class LinuxKernel final : public Kernel {
 public:
  LinuxKernel(std::string netns_path, std::unique_ptr<os::Nft> nft, std::unique_ptr<os::Conntrack> conntrack)
      : netns_path_(std::move(netns_path)), nft_(std::move(nft)), conntrack_(std::move(conntrack)) {}

  Result<LocalReplies> Prepare() override { return Inside(PrepareHost); }
  Result<void> SetLoopbackRoute(LoopbackRoute route) override {
    return Inside([&] { return os::WriteSysctl(kRouteLocalnet, route == LoopbackRoute::kOpen ? "1" : "0"); });
  }
  Result<void> Apply(const std::string& commands) override {
    if (netns_path_.empty()) return nft_->Apply(commands);
    return os::InNetns(netns_path_, [&] { return nft_->Apply(commands); });
  }
  Result<bool> HasTable(IpFamily family) override {
    return Inside([&]() -> Result<bool> {
      TRY(std::string tables, nft_->ListJson(family == IpFamily::kIpv4 ? "list tables ip" : "list tables ip6"));
      return tables.find("\"sampan-proxy\"") != tables.npos;
    });
  }
  Result<size_t> ForgetUdpFlows(const std::function<bool(const os::Flow&)>& doomed) override {
    return Inside([&] { return conntrack_->Delete(IPPROTO_UDP, doomed); });
  }

 private:
  template <class F, class R = std::invoke_result_t<F&>>
  R Inside(F work) {
    if (netns_path_.empty()) return work();
    std::optional<R> result;
    TRY_VOID(os::InNetns(netns_path_, [&]() -> Result<void> {
      result = work();
      return {};
    }));
    return *std::move(result);
  }

  std::string netns_path_;
  std::unique_ptr<os::Nft> nft_;
  std::unique_ptr<os::Conntrack> conntrack_;
};

}  // namespace

Result<void> RemoveTable(Kernel& kernel, IpFamily family) {
  if (family == IpFamily::kIpv4) {
    Result<void> closed = kernel.SetLoopbackRoute(LoopbackRoute::kClosed);
    if (!closed) LOG_WARN("proxy", "addresses of 127.0.0.0/8 stay routable: {}", closed.error());
  }
  return kernel.Apply(RuleSet::Remove(family));
}

Result<std::unique_ptr<Kernel>> NewLinuxKernel(std::string netns_path) {
  TRY(std::unique_ptr<os::Nft> nft, os::NewNft());
  TRY(std::unique_ptr<os::Conntrack> conntrack, os::NewConntrack());
  return std::make_unique<LinuxKernel>(std::move(netns_path), std::move(nft), std::move(conntrack));
}

}  // namespace sampan::proxy
