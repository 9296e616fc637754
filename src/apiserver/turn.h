// How long a coroutine may work before others of its thread get a turn.
#pragma once

#include <cstddef>

namespace sampan::apiserver {

// Counts work in bytes looked at, about 250 of them a microsecond:
//   for (const ObjectPtr& object : objects) {
//     Encode(*object, out);
//     if (turn.Spent(object->bytes().size())) co_await Yield();
//   }
class Turn {
 public:
  // True when it is others' turn; the count begins anew.
  bool Spent(size_t bytes) {
    spent_ += bytes;
    if (spent_ < kTurn) return false;
    spent_ = 0;
    return true;
  }

 private:
  static constexpr size_t kTurn = 256 * 1024;  // about a millisecond
  size_t spent_ = 0;
};

}  // namespace sampan::apiserver
