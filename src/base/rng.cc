#include "base/rng.h"

#include <sys/random.h>

#include <array>
#include <mutex>
#include <random>

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
  static constexpr char kHex[] = "0123456789abcdef";
  const uint64_t halves[2] = {(Next() & 0xffffffffffff0fffULL) | 0x4000ULL,
                              (Next() & 0x3fffffffffffffffULL) | 0x8000000000000000ULL};
  std::string uuid(36, '-');
  // Every request and every object has one: a formatted print would cost more than all of its authorization.
  for (size_t digit = 0, at = 0; digit < 32; ++digit, ++at) {
    if (at == 8 || at == 13 || at == 18 || at == 23) ++at;
    uuid[at] = kHex[(halves[digit / 16] >> (60 - 4 * (digit % 16))) & 15];
  }
  return uuid;
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
