#include "controllers/nodeipam/plan.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace sampan::controllers::nodeipam {
namespace {

constexpr int kBits = 32;
constexpr int kMostRanges = 20;  // as a power of two: a million nodes

struct Range {
  uint32_t first = 0;
  int mask = 0;
  uint64_t size() const { return uint64_t{1} << (kBits - mask); }
};

std::optional<Range> ParseRange(std::string_view cidr) {
  size_t slash = cidr.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  Range range;
  std::string_view digits = cidr.substr(slash + 1);
  auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), range.mask);
  if (fault != std::errc() || end != digits.data() + digits.size() || range.mask < 0 || range.mask > kBits) {
    return std::nullopt;
  }
  in_addr address{};
  if (inet_pton(AF_INET, std::string(cidr.substr(0, slash)).c_str(), &address) != 1) return std::nullopt;
  range.first = static_cast<uint32_t>(ntohl(address.s_addr) & ~(range.size() - 1));
  return range;
}

}  // namespace

RangePool::RangePool(uint32_t base, int cluster_mask, int mask)
    : base_(base), cluster_mask_(cluster_mask), mask_(mask), holders_(size_t{1} << (mask - cluster_mask)) {}

Result<RangePool> RangePool::Create(std::string_view cluster_cidr, int mask) {
  std::optional<Range> cluster = ParseRange(cluster_cidr);
  if (!cluster) return Fail(Error::BadRequest("\"{}\" is no IPv4 range such as 10.244.0.0/16", cluster_cidr));
  if (mask < 1 || mask > kBits) return Fail(Error::BadRequest("{} is no mask of a node's range", mask));
  mask = std::max(mask, cluster->mask);
  if (mask - cluster->mask > kMostRanges) {
    return Fail(Error::BadRequest("{} has too many ranges of size /{}", cluster_cidr, mask));
  }
  return RangePool(cluster->first, cluster->mask, mask);
}

template <class F>
void RangePool::EachOverlapping(std::string_view cidr, F visit) {
  std::optional<Range> range = ParseRange(cidr);
  if (!range) return;
  uint64_t cluster_end = uint64_t{base_} + (uint64_t{1} << (kBits - cluster_mask_));
  uint64_t first = std::max<uint64_t>(range->first, base_);
  uint64_t end = std::min(range->first + range->size(), cluster_end);
  int shift = kBits - mask_;
  for (uint64_t at = first; at < end; at = ((at >> shift) + 1) << shift) {
    visit(holders_[static_cast<size_t>((at - base_) >> shift)]);
  }
}

void RangePool::Occupy(std::string_view cidr) {
  EachOverlapping(cidr, [](uint32_t& holders) { ++holders; });
}

void RangePool::Release(std::string_view cidr) {
  EachOverlapping(cidr, [](uint32_t& holders) { holders -= holders > 0 ? 1 : 0; });
}

std::optional<std::string> RangePool::Take() {
  for (size_t i = 0; i < holders_.size(); ++i) {
    size_t index = (next_ + i) % holders_.size();
    if (holders_[index] > 0) continue;
    holders_[index] = 1;
    next_ = index + 1;
    uint32_t first = base_ + static_cast<uint32_t>(uint64_t{index} << (kBits - mask_));
    return fmt::format("{}.{}.{}.{}/{}", first >> 24, (first >> 16) & 255, (first >> 8) & 255, first & 255, mask_);
  }
  return std::nullopt;
}

}  // namespace sampan::controllers::nodeipam
