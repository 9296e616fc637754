// An IP address as DNS carries it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sampan::dns {

struct IpAddress {
  uint8_t size = 0;  // 4 or 16
  std::array<uint8_t, 16> bytes = {};

  static std::optional<IpAddress> Parse(std::string_view text);
  std::string ToString() const;
  auto operator<=>(const IpAddress&) const = default;
};

}  // namespace sampan::dns
