// How long one connection may work before the others of its loop get their turn.
#pragma once

#include <chrono>

#include "base/time.h"

namespace sampan::net::detail {

class Turn {
 public:
  void Begin() {
    steps_ = 0;
    begun_ = std::chrono::steady_clock::now();
  }
  // Asked after each step, which may cost next to nothing or milliseconds. True when it is others' turn; the next begins.
  bool Over() {
    if (++steps_ < kSteps && std::chrono::steady_clock::now() - begun_ < kTime) return false;
    Begin();
    return true;
  }

 private:
  static constexpr int kSteps = 32;
  static constexpr std::chrono::milliseconds kTime{1};

  int steps_ = 0;
  MonoTime begun_ = std::chrono::steady_clock::now();
};

}  // namespace sampan::net::detail
