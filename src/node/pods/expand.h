// $(NAME) references in commands, arguments and values. Pure.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace sampan::node {

// References to references grow without bounds: no program can be given a word as long as this, let alone a longer one.
inline constexpr size_t kMostExpanded = 1 << 20;

using FindValue = std::function<std::optional<std::string_view>(std::string_view name)>;

// Replaces $(NAME) by what `find` knows; unknown references stay as they are, $$ is one dollar sign. BadRequest when more
// than kMostExpanded bytes come of it.
Result<std::string> ExpandReferences(std::string_view text, const FindValue& find);

// Names to values, to be looked up any number of times. `list` outlives it.
class ValueIndex {
 public:
  explicit ValueIndex(const std::vector<std::pair<std::string, std::string>>& list) {
    for (const auto& [name, value] : list) values_.emplace(name, value);
  }
  std::optional<std::string_view> Find(std::string_view name) const {
    auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<std::string_view, std::string_view> values_;
};

}  // namespace sampan::node
