#include "dns/host.h"

#include "os/netlink.h"

namespace sampan::dns {

namespace {

std::string SingleHost(const std::string& address) {
  return address + (address.find(':') == address.npos ? "/32" : "/128");
}

class LoopbackAddresses final : public HostAddresses {
 public:
  Result<void> Add(const std::string& address) override {
    TRY(os::Netlink netlink, os::Netlink::Open());
    TRY_VOID(netlink.SetUp("lo"));
    return netlink.AddAddress("lo", SingleHost(address));
  }
  Result<void> Remove(const std::string& address) override {
    TRY(os::Netlink netlink, os::Netlink::Open());
    return netlink.DeleteAddress("lo", SingleHost(address));
  }
};

}  // namespace

std::unique_ptr<HostAddresses> NewLoopbackAddresses() {
  return std::make_unique<LoopbackAddresses>();
}

}  // namespace sampan::dns
