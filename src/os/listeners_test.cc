#include "os/listeners.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>

#include "os/fd.h"

namespace sampan::os {
namespace {

using Protocol = Listener::Protocol;

TEST(AddListeners, AreSocketsThatWaitForAnybody) {
  std::vector<Listener> listeners;
  AddListeners(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
      "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
      "   2: 0100007F:1F91 0100007F:0016 01 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
      "   3: 0100007Fx:1F90 00000000:0000 0A\n   4: :\n\nx",
      Protocol::kTcp, listeners);
  AddListeners(
      "   0: 00000000000000000000000001000000:2711 00000000000000000000000000000000:0000 0A\n"
      "   1: 00000000000000000000000000000000:2712 00000000000000000000000000000000:0000 0A\n"
      "   2: 0000000000000000FFFF00000100007F:2713 00000000000000000000000000000000:0000 0A\n",
      Protocol::kTcp, listeners);
  AddListeners("  10: 0A00600A:0035 00000000:0000 07\n  11: 0A00600A:0036 0100007F:0001 01\n", Protocol::kUdp, listeners);
  const std::vector<Listener> expected = {{Protocol::kTcp, "127.0.0.1", 8080},  {Protocol::kTcp, "", 22},
                                          {Protocol::kTcp, "::1", 10001},       {Protocol::kTcp, "", 10002},
                                          {Protocol::kTcp, "127.0.0.1", 10003}, {Protocol::kUdp, "10.96.0.10", 53}};
  EXPECT_EQ(listeners, expected);
}

bool Has(const std::vector<Listener>& listeners, const Listener& one) {
  return std::ranges::find(listeners, one) != listeners.end();
}

TEST(HostListeners, HasOnesOwn) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const Listener own{Protocol::kTcp, "127.0.0.1", ntohs(address.sin_port)};
  EXPECT_FALSE(Has(HostListeners(), own));
  ASSERT_EQ(::listen(socket.get(), 1), 0);
  EXPECT_TRUE(Has(HostListeners(), own));
}

}  // namespace
}  // namespace sampan::os
