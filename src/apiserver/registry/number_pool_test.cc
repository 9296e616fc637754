#include "apiserver/registry/number_pool.h"

#include <gtest/gtest.h>

#include "apiserver/registry/address_range.h"

namespace sampan::apiserver {
namespace {

TEST(NumberPool, HandsOutEveryNumberOnceAndUsesTheReservedOnesLast) {
  auto rng = NewSeededRng(1);
  NumberPool pool(10, 12, 20, *rng);
  std::set<uint32_t> dynamic, reserved;
  for (int i = 0; i < 8; ++i) dynamic.insert(*pool.TakeAny());
  EXPECT_EQ(dynamic.size(), 8u);
  EXPECT_EQ(*dynamic.begin(), 12u);
  for (int i = 0; i < 2; ++i) reserved.insert(*pool.TakeAny());
  EXPECT_EQ(reserved, (std::set<uint32_t>{10, 11}));
  EXPECT_FALSE(pool.TakeAny());
  pool.Release(15);
  EXPECT_FALSE(pool.Take(14));
  EXPECT_FALSE(pool.Take(20));
  EXPECT_EQ(pool.TakeAny(), 15u);
}

TEST(AddressRange, Parses) {
  struct Case {
    std::string_view cidr;
    bool good;
  };
  for (const Case& c : {Case{"10.96.0.0/12", true}, Case{"10.96.0.0", false}, Case{"10.96.0/12", false},
                        Case{"10.96.0.0/31", false}, Case{"10.96.0.256/24", false}, Case{"10.096.0.0/24", false},
                        Case{"fd00::/108", false}, Case{"10.96.0.0/12x", false}}) {
    EXPECT_EQ(AddressRange::Parse(c.cidr).has_value(), c.good) << c.cidr;
  }
  AddressRange range = *AddressRange::Parse("10.96.0.0/12");
  EXPECT_EQ(range.At(1), "10.96.0.1");
  EXPECT_EQ(range.At(256), "10.96.1.0");
  EXPECT_EQ(range.OffsetOf("10.111.255.255"), range.size() - 1);
  EXPECT_FALSE(range.OffsetOf("10.112.0.0"));
  EXPECT_FALSE(range.OffsetOf("None"));
}

}  // namespace
}  // namespace sampan::apiserver
