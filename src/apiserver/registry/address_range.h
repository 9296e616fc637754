// An IPv4 network in CIDR notation, and its addresses by offset. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sampan::apiserver {

struct AddressRange {
  uint32_t network = 0;
  int prefix = 0;

  // BadRequest when it is no IPv4 CIDR between /8 and /30.
  static Result<AddressRange> Parse(std::string_view cidr);
  uint32_t size() const { return uint32_t{1} << (32 - prefix); }
  std::string At(uint32_t offset) const;
  // Nothing when malformed or outside.
  std::optional<uint32_t> OffsetOf(std::string_view address) const;
};

std::optional<uint32_t> ParseIpv4(std::string_view text);

}  // namespace sampan::apiserver
