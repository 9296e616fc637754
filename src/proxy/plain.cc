#include "proxy/plain.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace sampan::proxy {

namespace {

constexpr size_t kMostOfName = 180;  // of the 255 characters that the packet filter has for a name with all its parts

using AddressBytes = std::array<unsigned char, sizeof(in6_addr)>;

struct Range {
  AddressBytes bytes{};
  unsigned bits = 0;
  auto operator<=>(const Range&) const = default;
};

int KindOf(IpFamily family) {
  return family == IpFamily::kIpv4 ? AF_INET : AF_INET6;
}

std::optional<AddressBytes> Read(std::string_view address, IpFamily family) {
  AddressBytes bytes{};
  bool whole = address.find('\0') == address.npos;
  if (!whole || inet_pton(KindOf(family), std::string(address).c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

std::string Write(const AddressBytes& bytes, IpFamily family) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(KindOf(family), bytes.data(), text.data(), text.size());
  return text.data();
}

std::string Write(const Range& range, IpFamily family) {
  return fmt::format("{}/{}", Write(range.bytes, family), range.bits);
}

void ClearFrom(unsigned bit, AddressBytes& bytes) {
  for (unsigned i = 0; i < bytes.size(); ++i) {
    unsigned kept = std::clamp<int>(static_cast<int>(bit) - static_cast<int>(8 * i), 0, 8);
    bytes[i] = static_cast<unsigned char>(bytes[i] & (0xff00U >> kept));
  }
}

std::optional<Range> ReadRange(std::string_view text, IpFamily family) {
  size_t slash = std::min(text.find('/'), text.size());
  std::optional<AddressBytes> bytes = Read(text.substr(0, slash), family);
  if (!bytes) return std::nullopt;
  const unsigned most = family == IpFamily::kIpv4 ? 32 : 128;
  Range range{*bytes, most};
  if (slash < text.size()) {
    std::string_view digits = text.substr(slash + 1);
    auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), range.bits);
    if (fault != std::errc() || end != digits.data() + digits.size() || range.bits > most) return std::nullopt;
  }
  ClearFrom(range.bits, range.bytes);
  return range;
}

bool Holds(const Range& outer, const Range& inner) {
  if (outer.bits > inner.bits) return false;
  AddressBytes bytes = inner.bytes;
  ClearFrom(outer.bits, bytes);
  return bytes == outer.bytes;
}

bool IsHarmless(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '/';
}

}  // namespace

std::optional<std::string> PlainAddress(std::string_view address, IpFamily family) {
  std::optional<AddressBytes> bytes = Read(address, family);
  if (!bytes) return std::nullopt;
  return Write(*bytes, family);
}

std::optional<std::string> PlainRange(std::string_view range, IpFamily family) {
  std::optional<Range> read = ReadRange(range, family);
  if (!read) return std::nullopt;
  return Write(*read, family);
}

std::vector<std::string> PlainRanges(std::span<const std::string> ranges, IpFamily family) {
  std::vector<Range> read;
  for (const std::string& range : ranges) {
    if (std::optional<Range> one = ReadRange(range, family)) read.push_back(*one);
  }
  std::ranges::sort(read);  // a range comes before all that it holds
  std::vector<std::string> plain;
  const Range* last = nullptr;
  for (const Range& range : read) {
    if (last != nullptr && Holds(*last, range)) continue;
    last = &range;
    plain.push_back(Write(range, family));
  }
  return plain;
}

std::string PlainName(std::string name) {
  if (name.size() <= kMostOfName && std::ranges::all_of(name, IsHarmless)) return name;
  size_t hash = std::hash<std::string>()(name);
  std::erase_if(name, [](char c) { return !IsHarmless(c); });
  return fmt::format("{}/{:016x}", std::string_view(name).substr(0, kMostOfName / 2), hash);
}

}  // namespace sampan::proxy
