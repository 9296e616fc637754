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

std::string Pretty(std::string_view json) {
  std::string out;
  out.reserve(json.size() + json.size() / 2);
  size_t depth = 0;
  for (size_t at = 0; at < json.size();) {
    char c = json[at];
    if (c == '"') {
      size_t end = EndOfString(json, at);
      out += json.substr(at, end - at);
      at = end;
      continue;
    }
    ++at;
    if (c == '{' || c == '[') {
      out += c;
      bool empty = at < json.size() && (json[at] == '}' || json[at] == ']');
      if (empty) {
        out += json[at++];
      } else {
        NewLine(++depth, out);
      }
    } else if (c == '}' || c == ']') {
      NewLine(depth > 0 ? --depth : 0, out);
      out += c;
    } else if (c == ',') {
      out += c;
      NewLine(depth, out);
    } else if (c == ':') {
      out += ": ";
    } else if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
      out += c;
    }
  }
  return out;
}

}  // namespace sampan::apiserver
