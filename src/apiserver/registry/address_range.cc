#include "apiserver/registry/address_range.h"

#include <charconv>

namespace sampan::apiserver {

std::optional<uint32_t> ParseIpv4(std::string_view text) {
  uint32_t address = 0;
  for (int i = 0; i < 4; ++i) {
    unsigned part = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), part);
    size_t digits = static_cast<size_t>(end - text.data());
    if (error != std::errc{} || part > 255 || digits > 3 || (digits > 1 && text[0] == '0')) return std::nullopt;
    text.remove_prefix(digits);
    address = address << 8 | part;
    if (i == 3) break;
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty()) return std::nullopt;
  return address;
}

Result<AddressRange> AddressRange::Parse(std::string_view cidr) {
  size_t slash = cidr.find('/');
  AddressRange range;
  std::optional<uint32_t> network = ParseIpv4(cidr.substr(0, slash));
  if (slash != std::string_view::npos && network) {
    std::string_view bits = cidr.substr(slash + 1);
    auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), range.prefix);
    if (error == std::errc{} && end == bits.data() + bits.size() && range.prefix >= 8 && range.prefix <= 30) {
      range.network = *network & ~(range.size() - 1);
      return range;
    }
  }
  return Fail(Error::BadRequest("\"{}\" is no IPv4 network such as 10.96.0.0/12", cidr));
}

std::string AddressRange::At(uint32_t offset) const {
  uint32_t address = network + offset;
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

std::optional<uint32_t> AddressRange::OffsetOf(std::string_view address) const {
  std::optional<uint32_t> parsed = ParseIpv4(address);
  if (!parsed || *parsed < network || *parsed - network >= size()) return std::nullopt;
  return *parsed - network;
}

}  // namespace sampan::apiserver
