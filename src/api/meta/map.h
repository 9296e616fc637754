// A map with string keys as API objects use them: few entries, sorted, in one allocation. It is a vector of pairs, so that
// code that only reads (selectors, FindIn) takes any of them as a plain sorted vector.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sampan::api {

// Invariant: sorted by key, keys unique. Change it through the members below; push_back only in key order, or with Settle.
template <class V>
class Map : public std::vector<std::pair<std::string, V>> {
 public:
  using Entry = std::pair<std::string, V>;

  Map() = default;
  Map(std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) (*this)[entry.first] = entry.second;
  }

  // The value of `key`, created empty when absent.
  V& operator[](std::string_view key) {
    auto at = Lower(key);
    if (at == this->end() || at->first != key) at = this->emplace(at, std::string(key), V());
    return at->second;
  }
  V* Find(std::string_view key) {
    auto at = Lower(key);
    return at == this->end() || at->first != key ? nullptr : &at->second;
  }
  const V* Find(std::string_view key) const { return const_cast<Map*>(this)->Find(key); }
  bool contains(std::string_view key) const { return Find(key) != nullptr; }
  V Get(std::string_view key, V fallback = {}) const {
    const V* found = Find(key);
    return found == nullptr ? std::move(fallback) : *found;
  }
  // Restores the invariant after entries were pushed back in any order; of equal keys the last stays. n entries cost
  // n log n, where inserting each at its place would cost n squared.
  void Settle() {
    auto not_before = [](const Entry& a, const Entry& b) { return a.first >= b.first; };
    if (std::adjacent_find(this->begin(), this->end(), not_before) == this->end()) return;
    std::stable_sort(this->begin(), this->end(), [](const Entry& a, const Entry& b) { return a.first < b.first; });
    auto kept = this->begin();
    for (auto entry = std::next(kept); entry != this->end(); ++entry) {
      if (entry->first != kept->first) ++kept;
      if (kept != entry) *kept = std::move(*entry);
    }
    this->erase(std::next(kept), this->end());
  }
  // True when there was such a key.
  bool Erase(std::string_view key) {
    auto at = Lower(key);
    if (at == this->end() || at->first != key) return false;
    this->erase(at);
    return true;
  }

 private:
  auto Lower(std::string_view key) {
    return std::lower_bound(this->begin(), this->end(), key,
                            [](const Entry& entry, std::string_view wanted) { return entry.first < wanted; });
  }
};

// Labels, annotations, selectors.
using StringMap = Map<std::string>;
inline const std::string* FindIn(const StringMap& map, std::string_view key) {
  return map.Find(key);
}  // null when absent

}  // namespace sampan::api
