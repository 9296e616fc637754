#include "apiserver/auth/token_file.h"

#include <algorithm>

#include "net/pki.h"

namespace sampan::apiserver::auth {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// One line's columns; nothing when a quote stays open.
std::optional<std::vector<std::string>> Columns(std::string_view line) {
  std::vector<std::string> columns(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      columns.back() += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      columns.emplace_back();
    } else {
      columns.back() += c;
    }
  }
  if (quoted) return std::nullopt;
  for (std::string& column : columns) column = std::string(Trim(column));
  return columns;
}

std::vector<std::string> SplitGroups(std::string_view text) {
  std::vector<std::string> groups;
  while (!text.empty()) {
    size_t comma = std::min(text.find(','), text.size());
    if (std::string_view group = Trim(text.substr(0, comma)); !group.empty()) groups.emplace_back(group);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return groups;
}

}  // namespace

Result<StaticTokens> StaticTokens::Parse(std::string_view csv) {
  StaticTokens tokens;
  for (int number = 1; !csv.empty(); ++number) {
    size_t end = std::min(csv.find('\n'), csv.size());
    std::string_view line = Trim(csv.substr(0, end));
    csv.remove_prefix(std::min(end + 1, csv.size()));
    if (line.empty() || line.front() == '#') continue;
    std::optional<std::vector<std::string>> columns = Columns(line);
    if (!columns) return Fail(Error::BadRequest("line {}: a quote is not closed", number));
    if (columns->size() < 3) {
      return Fail(Error::BadRequest("line {}: {} columns, at least token,user,uid are needed", number, columns->size()));
    }
    if ((*columns)[0].empty() || (*columns)[1].empty()) {
      return Fail(Error::BadRequest("line {}: token and user must not be empty", number));
    }
    UserInfo user{(*columns)[1], (*columns)[2], {}, {}};
    if (columns->size() > 3) user.groups = SplitGroups((*columns)[3]);
    AddAuthenticatedGroup(user);
    tokens.entries_.push_back({std::move((*columns)[0]), std::move(user)});
  }
  return tokens;
}

Result<StaticTokens> StaticTokens::Load(const std::string& path) {
  TRY(std::string text, net::ReadWholeFile(path));
  Result<StaticTokens> tokens = Parse(text);
  if (!tokens) return Fail(tokens.error().Annotate(path));
  return tokens;
}

const UserInfo* StaticTokens::Find(std::string_view token) const {
  const UserInfo* found = nullptr;
  for (const Entry& entry : entries_) {
    if (EqualSecrets(entry.token, token)) found = &entry.user;
  }
  return found;
}

bool EqualSecrets(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | static_cast<unsigned char>(a[i] ^ b[i]));
  }
  return difference == 0;
}

}  // namespace sampan::apiserver::auth
