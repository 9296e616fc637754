#include "base/rng.h"

#include <sys/random.h>

#include <array>
#include <mutex>
#include <random>

#include <fmt/format.h>

#include "base/check.h"

namespace sampan {
namespace {

// Reads the kernel's generator in blocks, so that a name costs no system call.
class SystemRng final : public Rng {
 public:
  uint64_t Next() override {
    std::lock_guard lock(mutex_);
    if (next_ == block_.size()) {
      CHECK(getrandom(block_.data(), sizeof(block_), 0) == static_cast<ssize_t>(sizeof(block_)));
      next_ = 0;
    }
    uint64_t value = block_[next_];
    block_[next_++] = 0;
    return value;
  }

 private:
  std::mutex mutex_;
  std::array<uint64_t, 32> block_{};
  size_t next_ = block_.size();
};

class SeededRng final : public Rng {
 public:
  explicit SeededRng(uint64_t seed) : engine_(seed) {}
  uint64_t Next() override {
    std::lock_guard lock(mutex_);
    return engine_();
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace

std::string Rng::Uuid() {
  uint64_t high = (Next() & 0xffffffffffff0fffULL) | 0x4000ULL;
  uint64_t low = (Next() & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                     low & 0xffffffffffffULL);
}

std::string Rng::NameSuffix(size_t length) {
  static constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string suffix;
  for (size_t i = 0; i < length; ++i) suffix.push_back(kAlphabet[Below(kAlphabet.size())]);
  return suffix;
}

std::unique_ptr<Rng> NewSystemRng() {
  return std::make_unique<SystemRng>();
}
std::unique_ptr<Rng> NewSeededRng(uint64_t seed) {
  return std::make_unique<SeededRng>(seed);
}

}  // namespace sampan
