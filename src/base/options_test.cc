#include "base/options.h"

#include <gtest/gtest.h>

namespace sampan {
namespace {

TEST(OptionSet, ValuesAreParsedAndFaultsSayWhatIsRight) {
  std::string cidr = "10.96.0.0/12";
  uint16_t port = 6443;
  bool disable = false;
  Duration grace = std::chrono::seconds(5);
  std::vector<std::string> names;
  OptionSet set;
  set.Add(&cidr, "service-cluster-ip-range", "CIDR", "Services' addresses.", IsCidr());
  set.Add(&port, "secure-port", "PORT", "Port.");
  set.Add(&disable, "disable-agent", "No node.");
  set.Add(&grace, "grace", "DURATION", "Time to stop.");
  set.Add(&names, "disable", "NAME", "Components.", IsOneOf({"dns", "proxy"}));

  EXPECT_TRUE(set.Find("secure-port")->set("7443"));
  EXPECT_EQ(port, 7443);
  EXPECT_TRUE(set.Find("disable-agent")->set("true"));
  EXPECT_TRUE(disable);
  EXPECT_TRUE(set.Find("disable")->set("dns"));
  EXPECT_EQ(names, std::vector<std::string>{"dns"});

  EXPECT_EQ(set.Find("secure-port")->set("70000").error().message(), "\"70000\" is not a whole number between 1 and 65535");
  EXPECT_EQ(set.Find("disable")->set("dsn").error().message(), "\"dsn\" is not one of dns, proxy");
  EXPECT_EQ(set.Find("grace")->set("5").error().message(), "\"5\" is not a duration such as 30s or 1h30m");
  EXPECT_EQ(set.Find("service-cluster-ip-range")->set("10.96.0.1/12").error().message(),
            "\"10.96.0.1/12\" is not an IPv4 network such as 10.96.0.0/12 (it has host bits set)");
  EXPECT_EQ(cidr, "10.96.0.0/12") << "a refused value changes nothing";
  EXPECT_EQ(set.Nearest("secure-prot"), "secure-port");
  EXPECT_EQ(set.Nearest("unrelated-thing"), "");
}

TEST(OptionSet, ArgumentsGiveBackWhatIsStored) {
  std::string name = "a b", empty;
  uint16_t port = 6443;
  int64_t pods = 110;
  bool disable = true;
  std::vector<std::string> labels = {"disk=ssd", "zone=1"};
  OptionSet set;
  set.Add(&name, "name", "NAME", "A text.");
  set.Add(&empty, "empty", "NAME", "Nothing.");
  set.Add(&port, "port", "PORT", "A port.");
  set.Add(&pods, "pods", "N", "A number.", 1, 1000);
  set.Add(&disable, "disable", "A switch.");
  set.Add(&labels, "label", "LABEL", "A list.");
  EXPECT_EQ(set.Arguments(), (std::vector<std::string>{"--name=a b", "--port=6443", "--pods=110", "--disable=true",
                                                       "--label=disk=ssd", "--label=zone=1"}));
}

TEST(OptionChecks, DnsNames) {
  for (const char* good : {"cluster.local", "a", "x-1.y"}) EXPECT_EQ(IsDnsName()(good), "") << good;
  for (const char* bad : {"", "Cluster.local", ".a", "a.", "a..b", "-a", "a-.b", "a_b"})
    EXPECT_NE(IsDnsName()(bad), "") << bad;
}

}  // namespace
}  // namespace sampan
