#include "apiserver/http/addresses.h"

#include <arpa/inet.h>

#include <algorithm>

namespace sampan::apiserver {

namespace {

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool IsAddress(const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

// "10.0.0.1" of "10.0.0.1:4711", "::1" of "[::1]:4711".
std::string HostOf(std::string_view address) {
  address = address.substr(0, address.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return std::string(address);
}

}  // namespace

std::vector<std::string> AddressesOf(const net::Request& request) {
  std::vector<std::string> addresses;
  std::string_view forwarded = request.headers.Get("x-forwarded-for");
  while (!forwarded.empty()) {
    size_t comma = std::min(forwarded.find(','), forwarded.size());
    std::string one(Trim(forwarded.substr(0, comma)));
    if (IsAddress(one)) addresses.push_back(std::move(one));
    forwarded.remove_prefix(std::min(comma + 1, forwarded.size()));
  }
  std::string real(Trim(request.headers.Get("x-real-ip")));
  if (IsAddress(real) && std::ranges::find(addresses, real) == addresses.end()) addresses.push_back(std::move(real));
  std::string remote = HostOf(request.remote_address);
  if (IsAddress(remote) && (addresses.empty() || addresses.back() != remote)) addresses.push_back(std::move(remote));
  return addresses;
}

}  // namespace sampan::apiserver
