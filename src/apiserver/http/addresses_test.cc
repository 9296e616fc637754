#include "apiserver/http/addresses.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

TEST(Addresses, AreThoseOfProxiesThenTheClients) {
  using List = std::vector<std::string>;
  struct Case {
    std::string_view forwarded, real, remote;
    List addresses;
  };
  const Case cases[] = {
      {"", "", "10.0.0.1:4711", {"10.0.0.1"}},
      {"", "", "[fd00::1]:4711", {"fd00::1"}},
      {"192.0.2.7", "", "10.0.0.1:4711", {"192.0.2.7", "10.0.0.1"}},
      {" 192.0.2.7 ,192.0.2.8", "", "192.0.2.8:1", {"192.0.2.7", "192.0.2.8"}},
      {"junk, 192.0.2.7\n,,", "192.0.2.9", "10.0.0.1:1", {"192.0.2.9", "10.0.0.1"}},
      {"192.0.2.7", "192.0.2.7", "10.0.0.1:1", {"192.0.2.7", "10.0.0.1"}},
      {"", "", "", {}},
  };
  for (const Case& c : cases) {
    net::Request request;
    if (!c.forwarded.empty()) request.headers.Add("x-forwarded-for", std::string(c.forwarded));
    if (!c.real.empty()) request.headers.Add("x-real-ip", std::string(c.real));
    request.remote_address = c.remote;
    EXPECT_EQ(AddressesOf(request), c.addresses) << c.forwarded;
  }
}

}  // namespace
}  // namespace sampan::apiserver
