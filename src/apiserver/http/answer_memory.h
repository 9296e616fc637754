// How much memory the answers take that their clients have yet to read: copies of what is stored, and objects that only
// they still hold.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/guarded.h"

namespace sampan::apiserver {

// Thread-safe; outlives its charges.
class AnswerMemory {
 public:
  explicit AnswerMemory(size_t limit) : limit_(limit) {}

  // Given back by its destructor.
  class Charge {
   public:
    Charge(AnswerMemory& memory, std::string account, size_t bytes)
        : memory_(&memory), account_(std::move(account)), bytes_(bytes) {}
    Charge(Charge&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), account_(std::move(other.account_)), bytes_(other.bytes_) {}
    Charge& operator=(Charge&&) = delete;
    ~Charge() {
      if (memory_ != nullptr) memory_->Return(account_, bytes_);
    }

   private:
    AnswerMemory* memory_;
    std::string account_;
    size_t bytes_;
  };

  // An account has half of what the others leave, and one answer of any size. Nothing when that is used up.
  std::optional<Charge> Take(std::string account, size_t bytes);

 private:
  struct Held {
    size_t all = 0;
    std::unordered_map<std::string, size_t> accounts;
  };
  void Return(const std::string& account, size_t bytes);

  const size_t limit_;
  Guarded<Held> held_;
};

}  // namespace sampan::apiserver
