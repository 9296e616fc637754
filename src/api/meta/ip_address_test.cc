#include "api/meta/ip_address.h"

#include <gtest/gtest.h>

namespace sampan::api {
namespace {

struct Case {
  std::string_view text;
  std::string_view canonical;  // empty: no address
  std::string_view kind;
};

std::string KindOf(const IpAddress& address) {
  std::string kind;
  if (address.v4()) kind += "v4 ";
  if (address.unspecified()) kind += "unspecified ";
  if (address.loopback()) kind += "loopback ";
  if (address.link_local()) kind += "link-local ";
  if (address.link_local_multicast()) kind += "link-local-multicast ";
  if (address.global_unicast()) kind += "global ";
  return kind;
}

TEST(IpAddress, OneMeaningForEverySpelling) {
  const Case cases[] = {
      {"10.1.2.3", "10.1.2.3", "v4 global "},
      {"8.8.8.8", "8.8.8.8", "v4 global "},
      {"127.0.0.1", "127.0.0.1", "v4 loopback "},
      {"127.255.1.2", "127.255.1.2", "v4 loopback "},
      {"::ffff:127.0.0.1", "127.0.0.1", "v4 loopback "},
      {"::ffff:7f00:1", "127.0.0.1", "v4 loopback "},
      {"0:0:0:0:0:FFFF:7F00:0001", "127.0.0.1", "v4 loopback "},
      {"::ffff:10.1.2.3", "10.1.2.3", "v4 global "},
      {"::1", "::1", "loopback "},
      {"0:0:0:0:0:0:0:1", "::1", "loopback "},
      {"0000:0000::0001", "::1", "loopback "},
      {"::", "::", "unspecified "},
      {"0:0:0:0:0:0:0:0", "::", "unspecified "},
      {"0.0.0.0", "0.0.0.0", "v4 unspecified "},
      {"::ffff:0.0.0.0", "0.0.0.0", "v4 unspecified "},
      {"0.0.0.1", "0.0.0.1", "v4 "},
      {"::127.0.0.1", "::127.0.0.1", ""},
      {"169.254.169.254", "169.254.169.254", "v4 link-local "},
      {"::ffff:169.254.0.1", "169.254.0.1", "v4 link-local "},
      {"fe80::1", "fe80::1", "link-local "},
      {"FEBF::1", "febf::1", "link-local "},
      {"fec0::1", "fec0::1", "global "},
      {"fd00::1", "fd00::1", "global "},
      {"2001:db8::1", "2001:db8::1", "global "},
      {"224.0.0.1", "224.0.0.1", "v4 link-local-multicast "},
      {"224.0.1.1", "224.0.1.1", "v4 "},
      {"239.255.255.255", "239.255.255.255", "v4 "},
      {"ff02::1", "ff02::1", "link-local-multicast "},
      {"ff0e::1", "ff0e::1", ""},
      {"255.255.255.255", "255.255.255.255", "v4 "},
  };
  for (const Case& c : cases) {
    std::optional<IpAddress> address = IpAddress::Parse(c.text);
    ASSERT_TRUE(address) << c.text;
    EXPECT_EQ(address->ToString(), c.canonical) << c.text;
    EXPECT_EQ(KindOf(*address), c.kind) << c.text;
    EXPECT_EQ(IpAddress::Parse(c.canonical), address) << c.text;
  }
}

TEST(IpAddress, NothingElseIsOne) {
  using namespace std::string_view_literals;
  for (std::string_view text : {""sv,
                                "localhost"sv,
                                "2130706433"sv,
                                "0x7f.1"sv,
                                "0x7f000001"sv,
                                "127.1"sv,
                                "127.0.1"sv,
                                "0177.0.0.1"sv,
                                "127.000.000.001"sv,
                                "127.0.0.1."sv,
                                "127.0.0.1:80"sv,
                                " 127.0.0.1"sv,
                                "127.0.0.1 "sv,
                                "127.0.0.1/8"sv,
                                "[::1]"sv,
                                "::1%lo"sv,
                                "fe80::1%eth0"sv,
                                "1:2"sv,
                                "::ffff:127.1"sv,
                                "256.0.0.1"sv,
                                "10.0.0.1\0"sv,
                                "10.0.0.1\0.example"sv,
                                "\0"sv,
                                "１27.0.0.1"sv}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace sampan::api
