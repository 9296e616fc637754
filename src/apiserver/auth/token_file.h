// Static bearer tokens from a CSV file: token,user,uid[,"group1,group2"].
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/auth.h"
#include "base/error.h"

namespace sampan::apiserver::auth {

// Immutable, thread-safe.
class StaticTokens {
 public:
  // BadRequest with the number of the first line that has fewer than three columns, an empty column or an open quote.
  static Result<StaticTokens> Parse(std::string_view csv);
  static Result<StaticTokens> Load(const std::string& path);

  // Null when no token equals. Takes the same time wherever the difference is.
  const UserInfo* Find(std::string_view token) const;
  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    std::string token;
    UserInfo user;
  };
  std::vector<Entry> entries_;
};

// Compares secrets without telling by its duration where they differ.
bool EqualSecrets(std::string_view a, std::string_view b);

}  // namespace sampan::apiserver::auth
