// An IP address in its binary form, so that what is checked of it holds for every spelling: "::ffff:127.0.0.1" is 127.0.0.1.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sampan::api {

class IpAddress {
 public:
  // Four decimal numbers without leading zeros, or the notations of RFC 4291; nothing for other bases, fewer numbers, zones,
  // brackets, ports and names.
  static std::optional<IpAddress> Parse(std::string_view text);
  // Of four or sixteen bytes in the order of the network.
  static IpAddress FromV4(const uint8_t* bytes);
  static IpAddress FromV6(const uint8_t* bytes);

  bool v4() const;
  bool unspecified() const;           // 0.0.0.0, ::
  bool loopback() const;              // 127.0.0.0/8, ::1
  bool link_local() const;            // 169.254.0.0/16, fe80::/10
  bool link_local_multicast() const;  // 224.0.0.0/24, ff02::/16
  // An address of one interface that others reach: none of the above, no multicast or broadcast, nothing of 0.0.0.0/8 or
  // its IPv6 counterpart ::/96.
  bool global_unicast() const;

  std::string ToString() const;  // canonical
  bool operator==(const IpAddress&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};  // IPv4 as ::ffff:a.b.c.d
};

}  // namespace sampan::api
