// What a controller has asked for and not yet seen in its cache. Until it has seen all, or five minutes have passed, it must
// not decide anew, else it would create or delete twice.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace sampan::client {

// Not thread-safe: one actor's private state.
class Expectations {
 public:
  static constexpr Duration kTimeout = std::chrono::minutes(5);

  void ExpectCreations(const std::string& key, int count, MonoTime now);
  void ExpectDeletions(const std::string& key, std::set<std::string> uids, MonoTime now);

  void CreationObserved(const std::string& key);
  void DeletionObserved(const std::string& key, std::string_view uid);

  // True when nothing is outstanding for the key, or what is outstanding is older than kTimeout.
  bool Satisfied(const std::string& key, MonoTime now) const;
  void Forget(const std::string& key);

 private:
  struct Outstanding {
    int creations = 0;
    std::set<std::string, std::less<>> deletions;
    MonoTime since{};
  };
  std::unordered_map<std::string, Outstanding> by_key_;
};

}  // namespace sampan::client
