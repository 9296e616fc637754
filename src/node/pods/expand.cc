#include "node/pods/expand.h"

namespace sampan::node {

namespace {

Result<void> CheckSize(const std::string& expanded) {
  if (expanded.size() <= kMostExpanded) return {};
  return Fail(Error::BadRequest("a value with references expands to more than {} bytes", kMostExpanded));
}

}  // namespace

Result<std::string> ExpandReferences(std::string_view text, const FindValue& find) {
  std::string out;
  const size_t last_close = text.rfind(')');
  for (size_t i = 0; i < text.size(); ++i) {
    TRY_VOID(CheckSize(out));
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    if (text[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    }
    const bool reference = text[i + 1] == '(' && last_close != std::string_view::npos && last_close > i;
    if (!reference) {
      out += '$';
      continue;
    }
    const size_t close = text.find(')', i + 2);
    std::string_view whole = text.substr(i, close + 1 - i);
    out += find(whole.substr(2, whole.size() - 3)).value_or(whole);
    i = close;
  }
  TRY_VOID(CheckSize(out));
  return out;
}

}  // namespace sampan::node
