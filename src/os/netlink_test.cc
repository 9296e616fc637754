#include "os/netlink.h"

#include "os/nft.h"
#include "os/sysctl.h"
#include "os/testing.h"

namespace sampan::os {
namespace {

TEST(Netlink, LinksAddressesAndRoutes) {
  SKIP_WITHOUT(kCapNetAdmin, "changing links");
  TempNetns netns("links");
  netns.Run([]() -> Result<void> {
    TRY(Netlink netlink, Netlink::Open());
    TRY(Link lo, netlink.FindLink("lo"));
    EXPECT_TRUE(lo.up);
    TRY_VOID(netlink.CreateLink({.name = "br0", .kind = "bridge", .mac = "0a:58:0a:f4:00:01"}));
    EXPECT_TRUE(netlink.CreateLink({.name = "br0", .kind = "bridge"}).error().Is(Reason::kAlreadyExists));
    TRY_VOID(netlink.CreateLink({.name = "v0", .kind = "veth", .mtu = 1400, .peer = "v1"}));
    TRY_VOID(netlink.SetMaster("v0", "br0"));
    TRY_VOID(netlink.SetUp("br0"));
    TRY_VOID(netlink.AddAddress("br0", "10.9.0.1/24"));
    TRY_VOID(netlink.AddAddress("br0", "10.9.0.1/24"));
    TRY(Link bridge, netlink.FindLink("br0"));
    TRY(Link veth, netlink.FindLink("v0"));
    EXPECT_EQ(bridge.kind, "bridge");
    EXPECT_EQ(bridge.mac, "0a:58:0a:f4:00:01");
    EXPECT_EQ(veth.master, bridge.index);
    EXPECT_EQ(veth.mtu, 1400);

    Route route{.destination = "10.99.0.0/16", .gateway = "10.9.0.7", .link = bridge.index};
    TRY_VOID(netlink.ReplaceRoute(route));
    TRY_VOID(netlink.ReplaceRoute(route));
    TRY(std::vector<Route> routes, netlink.Routes());
    EXPECT_TRUE(std::any_of(routes.begin(), routes.end(),
                            [](const Route& r) { return r.destination == "10.99.0.0/16" && r.gateway == "10.9.0.7"; }));
    TRY_VOID(netlink.DeleteRoute(route));
    TRY_VOID(netlink.DeleteRoute(route));
    TRY_VOID(netlink.DeleteAddress("br0", "10.9.0.1/24"));
    TRY_VOID(netlink.DeleteAddress("br0", "10.9.0.1/24"));
    TRY_VOID(netlink.DeleteLink("v0"));
    TRY_VOID(netlink.DeleteLink("v0"));
    EXPECT_TRUE(netlink.FindLink("v0").error().Is(Reason::kNotFound));
    return {};
  });
}

TEST(Netlink, VxlanWithNeighbours) {
  SKIP_WITHOUT(kCapNetAdmin, "changing links");
  TempNetns netns("vxlan");
  netns.Run([]() -> Result<void> {
    TRY(Netlink netlink, Netlink::Open());
    TRY_VOID(netlink.CreateLink({.name = "d0", .kind = "bridge"}));
    TRY_VOID(netlink.AddAddress("d0", "192.168.7.1/24"));
    TRY_VOID(netlink.SetUp("d0"));
    TRY_VOID(netlink.CreateLink({.name = "vx0",
                                 .kind = "vxlan",
                                 .vxlan_id = 1,
                                 .vxlan_local = "192.168.7.1",
                                 .vxlan_port = 8472,
                                 .vxlan_device = "d0"}));
    TRY_VOID(netlink.SetUp("vx0"));
    TRY(Link link, netlink.FindLink("vx0"));
    EXPECT_EQ(link.kind, "vxlan");
    EXPECT_EQ(link.mtu, 1450);
    TRY_VOID(netlink.SetNeighbour(link.index, "10.244.1.0", "0a:58:0a:f4:01:00"));
    TRY_VOID(netlink.SetForwarding(link.index, "0a:58:0a:f4:01:00", "192.168.7.2"));
    Route route{.destination = "10.244.1.0/24", .gateway = "10.244.1.0", .link = link.index, .onlink = true};
    TRY_VOID(netlink.ReplaceRoute(route));
    TRY_VOID(netlink.DeleteForwarding(link.index, "0a:58:0a:f4:01:00", "192.168.7.2"));
    TRY_VOID(netlink.DeleteNeighbour(link.index, "10.244.1.0"));
    TRY_VOID(netlink.DeleteNeighbour(link.index, "10.244.1.0"));
    return {};
  });
}

TEST(Nft, AppliesWhollyOrNotAtAll) {
  SKIP_WITHOUT(kCapNetAdmin, "changing packet filters");
  TempNetns netns("nft");
  netns.Run([]() -> Result<void> {
    TRY(std::unique_ptr<Nft> nft, NewNft());
    TRY_VOID(nft->Apply("add table ip t\nadd map ip t m { type ipv4_addr : verdict; }\nadd chain ip t c\n"));
    TRY_VOID(nft->Apply("add element ip t m { 10.0.0.1 : goto c }"));
    EXPECT_FALSE(nft->Apply("add element ip t m { 10.0.0.2 : goto c }\nadd rule ip t absent drop\n"));
    TRY(std::string listed, nft->ListJson("list map ip t m"));
    EXPECT_NE(listed.find("10.0.0.1"), listed.npos);
    EXPECT_EQ(listed.find("10.0.0.2"), listed.npos);
    EXPECT_TRUE(nft->ListJson("list table ip absent").error().Is(Reason::kNotFound));
    return {};
  });
}

TEST(Netns, SysctlsAreThoseOfTheNamespace) {
  SKIP_WITHOUT(kCapSysAdmin, "making network namespaces");
  TempNetns netns("sysctl");
  std::string before = *ReadSysctl("net.ipv4.ip_forward");
  netns.Run([]() -> Result<void> {
    TRY_VOID(WriteSysctl("net.ipv4.ip_forward", "1"));
    EXPECT_EQ(*ReadSysctl("net.ipv4.ip_forward"), "1");
    return {};
  });
  EXPECT_EQ(*ReadSysctl("net.ipv4.ip_forward"), before);
  EXPECT_TRUE(ReadSysctl("net.no.such").error().Is(Reason::kNotFound));
  EXPECT_TRUE(CreateNetns(netns.path()).error().Is(Reason::kAlreadyExists));
}

}  // namespace
}  // namespace sampan::os
