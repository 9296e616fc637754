#include "client/expectations.h"

#include <algorithm>

namespace sampan::client {

void Expectations::ExpectCreations(const std::string& key, int count, MonoTime now) {
  Outstanding& outstanding = by_key_[key];
  outstanding.creations += count;
  outstanding.since = now;
}

void Expectations::ExpectDeletions(const std::string& key, std::set<std::string> uids, MonoTime now) {
  Outstanding& outstanding = by_key_[key];
  outstanding.deletions.insert(uids.begin(), uids.end());
  outstanding.since = now;
}

void Expectations::CreationObserved(const std::string& key) {
  auto found = by_key_.find(key);
  if (found != by_key_.end()) found->second.creations = std::max(0, found->second.creations - 1);
}

void Expectations::DeletionObserved(const std::string& key, std::string_view uid) {
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  auto expected = found->second.deletions.find(uid);
  if (expected != found->second.deletions.end()) found->second.deletions.erase(expected);
}

bool Expectations::Satisfied(const std::string& key, MonoTime now) const {
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return true;
  const Outstanding& outstanding = found->second;
  return (outstanding.creations == 0 && outstanding.deletions.empty()) || now - outstanding.since > kTimeout;
}

void Expectations::Forget(const std::string& key) {
  by_key_.erase(key);
}

}  // namespace sampan::client
