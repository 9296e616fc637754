#include "node/pods/expand.h"

namespace sampan::node {

std::string ExpandReferences(std::string_view text,
                             const std::function<std::optional<std::string>(std::string_view name)>& find) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    if (text[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    }
    size_t close = text[i + 1] == '(' ? text.find(')', i + 2) : std::string_view::npos;
    if (close == std::string_view::npos) {
      out += '$';
      continue;
    }
    std::string_view reference = text.substr(i, close + 1 - i);
    std::optional<std::string> value = find(reference.substr(2, reference.size() - 3));
    out += value ? *value : std::string(reference);
    i = close;
  }
  return out;
}

}  // namespace sampan::node
