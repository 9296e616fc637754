// The scalars of YAML: plain, quoted and block ones.
#include <algorithm>
#include <charconv>

#include "codec/utf8.h"
#include "codec/yaml_reader.h"

namespace sampan::yaml {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}
bool IsFlowIndicator(char c) {
  return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
}

void TrimBlanks(std::string& text, size_t least) {
  while (text.size() > least && IsBlank(text.back())) text.pop_back();
}

}  // namespace

Result<Event> Reader::ReadScalar(Properties properties, long indent) {
  line_fresh_ = false;
  Event event{.kind = Event::Kind::kScalar, .line = line_};
  const char c = Peek();
  if (c == '*') {
    if (properties.Any()) return Fault("an alias has no properties");
    ++at_;
    event.kind = Event::Kind::kAlias;
    event.anchor = ReadName();
    if (event.anchor.empty()) return Fault("did not find expected alphabetic or numeric character");
    return event;
  }
  event.anchor = std::move(properties.anchor);
  event.tag = std::move(properties.tag);
  if (c == '"' || c == '\'') {
    if (event.tag.empty()) event.tag = "!";
    TRY(event.text, c == '"' ? DoubleQuoted() : SingleQuoted());
    return event;
  }
  if (event.tag.empty()) event.tag = "?";
  TRY(event.text, Plain(indent));
  return event;
}

bool Reader::EndsPlain() const {
  const char c = Peek();
  if (c == ':') return BlankAt(1) || (InFlow() && IsFlowIndicator(Peek(1)));
  return InFlow() && IsFlowIndicator(c);
}

Result<std::string> Reader::Plain(long indent) {
  const char first = Peek();
  const bool indicator = std::string_view(",[]{}#&*!|>'\"%@`").find(first) != std::string_view::npos;
  const bool needs_more = first == '-' || first == '?' || first == ':';
  if (indicator || (needs_more && (BlankAt(1) || (InFlow() && IsFlowIndicator(Peek(1)))))) {
    return Fault("found character that cannot start any token");
  }
  std::string out;
  while (true) {
    const size_t begin = at_;
    size_t end = at_;  // behind the last character that is no blank
    while (!AtEnd() && !AtBreak() && !EndsPlain()) {
      if (Peek() == '#' && at_ > begin && IsBlank(text_[at_ - 1])) break;
      if (!IsBlank(text_[at_++])) end = at_;
    }
    out.append(text_.substr(begin, end - begin));
    if (!AtBreak()) return out;
    // The scalar goes on below when what stands there is indented enough and no comment.
    const size_t at = at_;
    const size_t line_start = line_start_;
    const size_t line = line_;
    size_t breaks = 0;
    while (AtBreak()) {
      TakeBreak();
      ++breaks;
      SkipBlanks();
    }
    long column = 0;
    while (line_start_ + column < at_ && text_[line_start_ + column] == ' ') ++column;
    const bool deeper = InFlow() || column > indent;
    if (AtEnd() || !deeper || Peek() == '#' || AtMarker() || EndsPlain()) {
      at_ = at;
      line_start_ = line_start;
      line_ = line;
      return out;
    }
    if (breaks == 1) {
      out += ' ';
    } else {
      out.append(breaks - 1, '\n');
    }
  }
}

// From a line's end inside quotes to the text of the next line: one break is a blank, more are one less.
void Reader::FoldLines(std::string& out) {
  size_t breaks = 0;
  while (AtBreak()) {
    TakeBreak();
    ++breaks;
    SkipBlanks();
  }
  if (breaks == 1) {
    out += ' ';
  } else {
    out.append(breaks - 1, '\n');
  }
}

Result<std::string> Reader::SingleQuoted() {
  ++at_;
  std::string out;
  while (true) {
    if (AtEnd() || AtMarker()) return Fault("found unexpected end of stream");
    const char c = Peek();
    if (c == '\'' && Peek(1) != '\'') {
      ++at_;
      return out;
    }
    if (AtBreak()) {
      TrimBlanks(out, 0);
      FoldLines(out);
    } else {
      out += c;
      at_ += c == '\'' ? 2 : 1;
    }
  }
}

Result<std::string> Reader::DoubleQuoted() {
  ++at_;
  std::string out;
  size_t kept = 0;  // what escapes have written is not trimmed
  while (true) {
    if (AtEnd() || AtMarker()) return Fault("found unexpected end of stream");
    const char c = Peek();
    if (c == '"') {
      ++at_;
      return out;
    }
    if (c == '\\') {
      TRY_VOID(Escape(out));
      kept = out.size();
    } else if (AtBreak()) {
      TrimBlanks(out, kept);
      FoldLines(out);
    } else {
      out += c;
      ++at_;
    }
  }
}

Result<void> Reader::Escape(std::string& out) {
  const char c = Peek(1);
  at_ += std::min<size_t>(2, text_.size() - at_);
  static constexpr std::string_view kNames = "0abt\tnvfre \"/\\N_LP";
  static constexpr char32_t kMeant[] = {0, 7, 8, 9, 9, 10, 11, 12, 13, 27, ' ', '"', '/', '\\', 0x85, 0xA0, 0x2028, 0x2029};
  if (c == '\n' || c == '\r') {
    --at_;
    TakeBreak();
    SkipBlanks();
    // Empty lines below an escaped break are breaks.
    while (AtBreak()) {
      out += '\n';
      TakeBreak();
      SkipBlanks();
    }
    return {};
  }
  if (size_t place = kNames.find(c); place != std::string_view::npos) {
    utf8::Append(kMeant[place], out);
    return {};
  }
  const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits == 0) return Fault("found unknown escape character");
  const std::string_view hex = text_.substr(at_, digits);
  uint32_t code = 0;
  auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
  if (hex.size() < digits || error != std::errc() || end != hex.data() + digits) {
    return Fault("did not find expected hexdecimal number");
  }
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return Fault("found invalid Unicode character escape code");
  at_ += digits;
  utf8::Append(code, out);
  return {};
}

// "|" or ">" with its header, and the lines that are indented by more than `indent`.
Result<std::string> Reader::BlockScalar(long indent) {
  line_fresh_ = false;
  const bool folded = Peek() == '>';
  ++at_;
  char chomp = 0;
  long wanted = 0;
  for (int i = 0; i < 2; ++i) {
    const char c = Peek();
    if ((c == '+' || c == '-') && chomp == 0) {
      chomp = c;
      ++at_;
    } else if (c >= '1' && c <= '9' && wanted == 0) {
      wanted = c - '0' + std::max<long>(indent, 0);
      ++at_;
    }
  }
  TRY_VOID(ExpectLineEnd());
  at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
  std::string out;
  size_t breaks = 0;  // since the last text
  bool first = true;
  bool was_loose = false;  // the last line began with a blank: it is not folded
  bool closed = false;     // the last text has a line end
  while (!AtEnd()) {
    TakeBreak();
    line_fresh_ = true;
    closed = true;
    while (Peek() == ' ' && (wanted == 0 || Column() < wanted)) ++at_;
    if (AtBreak()) {
      ++breaks;
      continue;
    }
    if (wanted == 0 && !AtEnd()) wanted = std::max({Column(), indent + 1, 1L});
    if (AtEnd() || Column() < wanted) {
      at_ = line_start_;
      break;
    }
    const bool loose = IsBlank(Peek());
    if (!first && folded && !loose && !was_loose) {
      if (breaks == 0) out += ' ';
    } else if (!first) {
      out += '\n';
    }
    out.append(breaks, '\n');
    const size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    out.append(text_.substr(at_, end - at_));
    at_ = end;
    breaks = 0;
    first = false;
    closed = false;
    was_loose = loose;
  }
  if (chomp != '-' && !first && closed) out += '\n';
  if (chomp == '+') out.append(breaks, '\n');
  return out;
}

}  // namespace sampan::yaml
