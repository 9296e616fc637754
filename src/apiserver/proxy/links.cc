#include "apiserver/proxy/links.h"

#include <algorithm>
#include <array>

namespace sampan::apiserver {

namespace {

constexpr size_t kMaxTag = 64 * 1024;  // longer ones go through as they are

constexpr std::array<std::string_view, 14> kLinkAttributes = {"action",   "background", "cite",    "classid", "codebase",
                                                              "data",     "formaction", "href",    "icon",    "longdesc",
                                                              "manifest", "poster",     "profile", "src"};

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return lower;
}

size_t FindIgnoringCase(std::string_view text, std::string_view wanted, size_t from) {
  auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  auto found = std::search(text.begin() + static_cast<ptrdiff_t>(from), text.end(), wanted.begin(), wanted.end(), same);
  return found == text.end() ? text.npos : static_cast<size_t>(found - text.begin());
}

// Where the tag or comment that begins at `at` ends (behind its '>'); npos while it is not complete.
size_t EndOfTag(std::string_view text, size_t at) {
  if (text.substr(at).starts_with("<!--")) {
    size_t end = text.find("-->", at + 4);
    return end == text.npos ? end : end + 3;
  }
  char quote = 0;
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '>') {
      return i + 1;
    } else if ((text[i] == '"' || text[i] == '\'') && text[i - 1] == '=') {
      quote = text[i];
    }
  }
  return text.npos;
}

// Reads the attributes of one tag and writes it with its links changed.
std::string RewriteTag(std::string_view tag, std::string_view prefix) {
  if (tag.starts_with("<!")) return std::string(tag);
  std::string out;
  size_t at = 1;
  while (at < tag.size() && !IsBlank(tag[at]) && tag[at] != '>') ++at;
  out += tag.substr(0, at);
  while (at < tag.size()) {
    size_t name = at;
    while (name < tag.size() && (IsBlank(tag[name]) || tag[name] == '/')) ++name;
    size_t end = name;
    while (end < tag.size() && !IsBlank(tag[end]) && tag[end] != '=' && tag[end] != '>') ++end;
    if (end >= tag.size() || tag[end] != '=') {
      end = std::max(end, at + 1);
      out += tag.substr(at, end - at);
      at = end;
      continue;
    }
    size_t value = end + 1;
    bool quoted = value < tag.size() && (tag[value] == '"' || tag[value] == '\'');
    size_t stop = quoted ? tag.find(tag[value], value + 1) : tag.find_first_of(" \t\r\n\f>", value);
    stop = std::min(stop, tag.size());
    if (quoted) ++value;
    std::string_view link = tag.substr(std::min(value, stop), stop - std::min(value, stop));
    out += tag.substr(at, value - at);
    bool is_link = std::ranges::find(kLinkAttributes, Lower(tag.substr(name, end - name))) != kLinkAttributes.end();
    out += is_link ? PrefixLink(link, prefix) : std::string(link);
    at = stop;
    if (quoted && at < tag.size()) out += tag[at++];
  }
  return out;
}

// The element whose content is no markup, or "".
std::string_view RawElement(std::string_view tag) {
  for (std::string_view element : {"script", "style"}) {
    if (FindIgnoringCase(tag.substr(0, element.size() + 1), element, 1) != 1) continue;
    char next = tag[element.size() + 1];
    if (next == '>' || IsBlank(next)) return element;
  }
  return "";
}

}  // namespace

std::string PrefixLink(std::string_view link, std::string_view prefix) {
  bool from_root = link.starts_with('/') && !link.starts_with("//");
  return from_root ? fmt::format("{}{}", prefix, link) : std::string(link);
}

std::string LinkRewriter::Feed(std::string_view piece) {
  std::string text = std::move(held_);
  text += piece;
  held_.clear();
  std::string out;
  size_t at = 0;
  while (at < text.size()) {
    if (!raw_until_.empty()) {
      size_t end = FindIgnoringCase(text, raw_until_, at);
      if (end == text.npos) {
        // The end may lie across two pieces.
        size_t keep = std::min(text.size() - at, raw_until_.size() - 1);
        out += text.substr(at, text.size() - at - keep);
        held_ = text.substr(text.size() - keep);
        return out;
      }
      out += text.substr(at, end - at);
      at = end;
      raw_until_.clear();
    }
    size_t tag = std::min(text.find('<', at), text.size());
    out += text.substr(at, tag - at);
    at = tag;
    if (at == text.size()) break;
    size_t end = EndOfTag(text, at);
    if (end == text.npos) {
      if (text.size() - at <= kMaxTag) {
        held_ = text.substr(at);
      } else {
        out += text.substr(at);
      }
      break;
    }
    std::string_view whole = std::string_view(text).substr(at, end - at);
    out += RewriteTag(whole, prefix_);
    std::string_view raw = RawElement(whole);
    if (!raw.empty()) raw_until_ = fmt::format("</{}", raw);
    at = end;
  }
  return out;
}

}  // namespace sampan::apiserver
