// Randomness comes in through constructors, so that a simulation can replay it from a seed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace sampan {

// Thread-safe. SystemRng is fit for tokens and keys; SeededRng is for simulation and tests only.
class Rng {
 public:
  virtual ~Rng() = default;
  virtual uint64_t Next() = 0;

  uint64_t Below(uint64_t bound) { return Next() % bound; }
  std::string Uuid();                     // RFC 4122 version 4
  std::string NameSuffix(size_t length);  // of the alphabet of generateName: consonants and digits without 0, 1, 3
};

std::unique_ptr<Rng> NewSystemRng();
std::unique_ptr<Rng> NewSeededRng(uint64_t seed);

}  // namespace sampan
