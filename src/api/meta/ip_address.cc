#include "api/meta/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>

namespace sampan::api {
namespace {

constexpr size_t kV4 = 12;  // where the four bytes of an IPv4 address begin

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  // inet_pton would stop at a NUL.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string copy(text);
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1) return FromV4(bytes.data());
  if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return FromV6(bytes.data());
  return std::nullopt;
}

IpAddress IpAddress::FromV4(const uint8_t* bytes) {
  IpAddress address;
  address.bytes_[10] = address.bytes_[11] = 0xff;
  std::copy_n(bytes, 4, address.bytes_.begin() + kV4);
  return address;
}

IpAddress IpAddress::FromV6(const uint8_t* bytes) {
  IpAddress address;
  std::copy_n(bytes, 16, address.bytes_.begin());
  return address;
}

bool IpAddress::v4() const {
  return std::all_of(bytes_.begin(), bytes_.begin() + 10, [](uint8_t byte) { return byte == 0; }) && bytes_[10] == 0xff &&
         bytes_[11] == 0xff;
}

bool IpAddress::unspecified() const {
  const auto begin = v4() ? bytes_.begin() + kV4 : bytes_.begin();
  return std::all_of(begin, bytes_.end(), [](uint8_t byte) { return byte == 0; });
}

bool IpAddress::loopback() const {
  if (v4()) return bytes_[kV4] == 127;
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t byte) { return byte == 0; });
}

bool IpAddress::link_local() const {
  if (v4()) return bytes_[kV4] == 169 && bytes_[kV4 + 1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::link_local_multicast() const {
  if (v4()) return bytes_[kV4] == 224 && bytes_[kV4 + 1] == 0 && bytes_[kV4 + 2] == 0;
  return bytes_[0] == 0xff && (bytes_[1] & 0x0f) == 2;
}

bool IpAddress::global_unicast() const {
  if (loopback() || link_local()) return false;
  if (!v4()) {
    bool compatible = std::all_of(bytes_.begin(), bytes_.begin() + kV4, [](uint8_t byte) { return byte == 0; });
    return !compatible && bytes_[0] != 0xff;
  }
  bool broadcast = std::all_of(bytes_.begin() + kV4, bytes_.end(), [](uint8_t byte) { return byte == 0xff; });
  bool multicast = (bytes_[kV4] & 0xf0) == 0xe0;
  return !broadcast && !multicast && bytes_[kV4] != 0;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  if (v4()) return inet_ntop(AF_INET, bytes_.data() + kV4, text, sizeof text);
  return inet_ntop(AF_INET6, bytes_.data(), text, sizeof text);
}

}  // namespace sampan::api
