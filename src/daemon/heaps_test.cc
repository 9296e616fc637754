#include "daemon/heaps.h"

#include <gtest/gtest.h>

namespace sampan::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kMega = 1u << 20;

struct Row {
  const char* what;
  uint64_t resident_after_last, resident;
  Duration used;  // of the processor, in ten seconds
  bool worth;
};

TEST(Heaps, AreTrimmedAtRestAfterGrowth) {
  const Row rows[] = {
      {"the first rest after the start", 0, 40 * kMega, milliseconds(100), true},
      {"nothing has come since", 40 * kMega, 40 * kMega, milliseconds(100), false},
      {"little has come since", 40 * kMega, 43 * kMega, milliseconds(100), false},
      {"a burst was here", 40 * kMega, 80 * kMega, milliseconds(100), true},
      {"a burst is going on", 40 * kMega, 80 * kMega, seconds(5), false},
      {"it shrank", 80 * kMega, 40 * kMega, milliseconds(100), false},
  };
  for (const Row& row : rows) {
    ProcessUse before{0, seconds(7)};
    ProcessUse now{row.resident, seconds(7) + row.used};
    EXPECT_EQ(WorthTrimming(before, now, seconds(10), row.resident_after_last), row.worth) << row.what;
  }
}

}  // namespace
}  // namespace sampan::daemon
