#include "dns/address.h"

#include <arpa/inet.h>

namespace sampan::dns {

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  IpAddress address;
  std::string copy(text);
  address.size = text.find(':') == text.npos ? 4 : 16;
  if (::inet_pton(address.size == 4 ? AF_INET : AF_INET6, copy.c_str(), address.bytes.data()) != 1) return std::nullopt;
  return address;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

}  // namespace sampan::dns
