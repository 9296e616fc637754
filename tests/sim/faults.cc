#include "sim/faults.h"

#include <fmt/format.h>

namespace sampan::sim {
namespace {

struct Shape {
  const char* name;
  uint64_t most_of_ten_thousand;
};
constexpr std::array<Shape, kPoints> kShapes = {{{"api refused", 500},
                                                 {"api reply lost", 500},
                                                 {"api slow", 500},
                                                 {"api twice", 200},
                                                 {"watch ends", 500},
                                                 {"watch expires", 200},
                                                 {"store slow", 500},
                                                 {"store loses place", 20},
                                                 {"crash before write", 15},
                                                 {"crash after write", 15},
                                                 {"runtime fails", 1000}}};

}  // namespace

// A third of the points is quiet in a run, so that some runs have few kinds of faults and are easy to read.
Faults::Faults(uint64_t seed) : rng_(NewSeededRng(seed)) {
  for (size_t i = 0; i < kPoints; ++i) {
    uint64_t rate = Below(kShapes[i].most_of_ten_thousand + 1);
    of_ten_thousand_[i] = Below(3) == 0 ? 0 : rate;
  }
}

bool Faults::Strike(Point point) {
  const auto index = static_cast<size_t>(point);
  if (stopped_ || Below(10'000) >= of_ten_thousand_[index]) return false;
  ++struck_[index];
  return true;
}

Duration Faults::Delay() {
  return Chance(100) ? Between(std::chrono::seconds(1), std::chrono::seconds(8))
                     : Between(std::chrono::milliseconds(1), std::chrono::milliseconds(200));
}

void Faults::Stop() {
  stopped_ = true;
}

Duration Faults::Between(Duration least, Duration most) {
  return least + std::chrono::microseconds(Below(static_cast<uint64_t>((most - least) / std::chrono::microseconds(1)) + 1));
}

std::string Faults::Summary() const {
  std::string text;
  for (size_t i = 0; i < kPoints; ++i) {
    if (struck_[i] > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kShapes[i].name, struck_[i]);
  }
  return text;
}

}  // namespace sampan::sim
