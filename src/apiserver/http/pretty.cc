#include "apiserver/http/pretty.h"

namespace sampan::apiserver {

namespace {

void NewLine(size_t depth, std::string& out) {
  out += '\n';
  out.append(depth * 2, ' ');
}

// The end of the string literal that begins at `begin`, behind its closing quote.
size_t EndOfString(std::string_view json, size_t begin) {
  size_t at = begin + 1;
  while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  return at < json.size() ? at + 1 : json.size();
}

}  // namespace

void Prettifier::Append(std::string_view json, std::string& out) {
  for (size_t at = 0; at < json.size();) {
    const char c = json[at];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      ++at;
      continue;
    }
    const bool closes = c == '}' || c == ']';
    if (opened_ && !closes) NewLine(depth_, out);
    if (closes && depth_ > 0) --depth_;
    if (closes && !opened_) NewLine(depth_, out);
    opened_ = c == '{' || c == '[';
    if (c == '"') {
      const size_t end = EndOfString(json, at);
      out += json.substr(at, end - at);
      at = end;
      continue;
    }
    ++at;
    out += c;
    if (opened_) ++depth_;
    if (c == ',') NewLine(depth_, out);
    if (c == ':') out += ' ';
  }
}

std::string Pretty(std::string_view json) {
  std::string out;
  out.reserve(json.size() + json.size() / 2);
  Prettifier().Append(json, out);
  return out;
}

}  // namespace sampan::apiserver
