#include "dns/upstreams.h"

#include <gtest/gtest.h>

namespace sampan::dns {
namespace {

using namespace std::chrono_literals;

std::string Show(const std::vector<Upstream>& upstreams) {
  std::string text;
  for (const Upstream& upstream : upstreams) text += upstream.text + " ";
  return text;
}

TEST(Upstreams, ParsesAddresses) {
  EXPECT_EQ(Upstream::Parse("192.0.2.1")->text, "192.0.2.1:53");
  EXPECT_EQ(Upstream::Parse("192.0.2.1:5353")->text, "192.0.2.1:5353");
  EXPECT_EQ(Upstream::Parse("fd00::1")->text, "[fd00::1]:53");
  EXPECT_EQ(Upstream::Parse("[fd00::1]:5353")->text, "[fd00::1]:5353");
  for (const char* bad : {"", "name", "192.0.2.1:x", "192.0.2.1:99999", "[fd00::1", "300.0.0.1"}) {
    EXPECT_FALSE(Upstream::Parse(bad)) << bad;
  }
}

TEST(Upstreams, ReadsResolvConfWithoutOurselves) {
  EXPECT_EQ(Show(ParseResolvConf("# comment\nnameserver 10.96.0.10\nnameserver\t192.0.2.1 # near\nnameserver 192.0.2.1\n"
                                 "search a.b\nnameserver fe80::1%eth0\nnameservers 1.1.1.1\nnameserver",
                                 {"10.96.0.10"})),
            "192.0.2.1:53 [fe80::1]:53 ");
}

TEST(Upstreams, ThoseThatFailedComeLastForAWhile) {
  UpstreamList list({*Upstream::Parse("192.0.2.1"), *Upstream::Parse("192.0.2.2")});
  MonoTime now{};
  list.Failed(*Upstream::Parse("192.0.2.1"), now);
  EXPECT_EQ(Show(list.Order(now + 1s)), "192.0.2.2:53 192.0.2.1:53 ");
  EXPECT_EQ(Show(list.Order(now + 60s)), "192.0.2.1:53 192.0.2.2:53 ");
  list.Failed(*Upstream::Parse("192.0.2.1"), now);
  list.Answered(*Upstream::Parse("192.0.2.1"));
  EXPECT_EQ(Show(list.Order(now + 1s)), "192.0.2.1:53 192.0.2.2:53 ");
}

}  // namespace
}  // namespace sampan::dns
