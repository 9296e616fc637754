// Runs worlds. A failure prints the seed; `sim_test --seed N` runs that one again, exactly, and with `--trace 1` prints
// every write, with `--log 1` the components' logs.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "sim/world.h"

namespace sampan::sim {
namespace {

// Unoptimised builds and those with sanitizers take ten times as long for a run.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SAMPAN_SANITIZED
#endif
#endif
#if defined(__OPTIMIZE__) && !defined(SAMPAN_SANITIZED)
constexpr uint64_t kSeeds = 150;
constexpr uint64_t kReplays = 5;
#else
constexpr uint64_t kSeeds = 10;
constexpr uint64_t kReplays = 1;
#endif

struct Plan {
  uint64_t first = 1;
  uint64_t count = kSeeds;
  Trace trace = Trace::kNo;
};
Plan plan;

std::string Told(uint64_t seed, const Outcome& outcome) {
  std::string text = fmt::format("seed {} ({})", seed, outcome.story);
  for (const std::string& violation : outcome.violations) text += "\n  " + violation;
  return text + fmt::format("\nrun it again with: sim_test --seed {}", seed);
}

TEST(Simulation, EverySeedEndsWell) {
  Stage stage;
  std::atomic<uint64_t> next = plan.first;
  std::mutex mutex;
  auto work = [&] {
    while (true) {
      const uint64_t seed = next++;
      if (seed >= plan.first + plan.count) return;
      Outcome outcome = RunWorld(stage, seed, plan.trace);
      std::lock_guard lock(mutex);
      if (!outcome.violations.empty()) ADD_FAILURE() << Told(seed, outcome);
      if (plan.count == 1) std::printf("seed %ju: %s\n", static_cast<uintmax_t>(seed), outcome.story.c_str());
    }
  };
  std::vector<std::thread> threads;
  const size_t wanted = std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), plan.count);
  for (size_t i = 0; i < wanted; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

TEST(Simulation, ASeedReplaysExactly) {
  Stage stage;
  const uint64_t seeds = std::min(plan.count, kReplays);
  for (uint64_t seed = plan.first; seed < plan.first + seeds; ++seed) {
    Outcome once = RunWorld(stage, seed);
    Outcome again = RunWorld(stage, seed);
    EXPECT_EQ(once.digest, again.digest) << "seed " << seed << ": " << once.story << " / " << again.story;
  }
}

}  // namespace
}  // namespace sampan::sim

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  using sampan::sim::plan;
  sampan::log::SetLevel(static_cast<sampan::log::Level>(static_cast<int>(sampan::log::Level::kError) + 1));
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--seed") plan.first = value, plan.count = 1;
    if (flag == "--first") plan.first = value;
    if (flag == "--seeds") plan.count = value;
    if (flag == "--trace" && value > 0) plan.trace = sampan::sim::Trace::kYes;
    if (flag == "--log") sampan::log::SetLevel(static_cast<sampan::log::Level>(value));
  }
  return RUN_ALL_TESTS();
}
