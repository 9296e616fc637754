#include "codec/yaml.h"
#include "codec/yaml_scalar.h"

namespace sampan::yaml {
namespace {

// Bytes of a key written before its colon; a longer one is written as "? key". (Readers look at most 1,024 characters
// ahead for the colon, escapes counted.)
constexpr size_t kMaxSimpleKey = 128;

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}

// Printable in YAML without escapes, line feeds aside.
bool IsPrintable(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if ((c < ' ' && c != '\n') || c == 0x7f) return false;
    // C1 controls, the line and paragraph separators, and the byte order mark.
    auto next = [&](size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0; };
    if (c == 0xC2 && next(1) < 0xA0) return false;
    if (c == 0xE2 && next(1) == 0x80 && (next(2) == 0xA8 || next(2) == 0xA9)) return false;
    if (c == 0xEF && next(1) == 0xBB && next(2) == 0xBF) return false;
  }
  return true;
}

// A time would come back as one from other readers; 1:30 is a number to old ones.
bool LooksLikeTime(std::string_view text) {
  auto digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  if (digit(0) && digit(1) && digit(2) && digit(3) && text.size() >= 8 && text[4] == '-') return true;
  return digit(0) && text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789:_.") == std::string_view::npos;
}

bool IsPlainSafe(std::string_view text) {
  if (text.empty() || IsBlank(text.front()) || IsBlank(text.back())) return false;
  if (text.starts_with("---") || text.starts_with("...")) return false;
  if (std::string_view("#,[]{}&*!|>'\"%@`=").find(text.front()) != std::string_view::npos) return false;
  bool indicator = text.front() == '?' || text.front() == ':' || text.front() == '-';
  if (indicator && (text.size() == 1 || IsBlank(text[1]))) return false;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':' && (i + 1 == text.size() || IsBlank(text[i + 1]))) return false;
    if (text[i] == '#' && IsBlank(text[i - 1])) return false;
  }
  return text != "<<";
}

// A literal block keeps every character but cannot show trailing blanks on a line safely.
bool IsBlockSafe(std::string_view text) {
  return text.find(" \n") == std::string_view::npos && text.find('\t') == std::string_view::npos && text.back() != ' ' &&
         text.find_first_not_of('\n') != std::string_view::npos;
}

class Emitter {
 public:
  std::string Take() && { return std::move(out_); }

  // A value after "key: " or "- "; `indent` is where its own lines begin.
  void Value(const json::Value& value, size_t indent) {
    if (const json::Object* object = value.if_object(); object != nullptr && !object->empty()) {
      Map(*object, indent);
    } else if (const json::Array* array = value.if_array(); array != nullptr && !array->empty()) {
      List(*array, indent);
    } else {
      Scalar(value, indent);
      out_ += '\n';
    }
  }

 private:
  void Indent(size_t indent) { out_.append(indent, ' '); }

  void Map(const json::Object& object, size_t indent) {
    std::vector<std::pair<std::string_view, const json::Value*>> members;
    members.reserve(object.size());
    for (const auto& member : object) members.emplace_back(member.key(), &member.value());
    std::ranges::sort(members);
    bool first = true;
    for (const auto& [key, value] : members) {
      if (!first) Indent(indent);
      first = false;
      if (key.size() > kMaxSimpleKey) {
        out_ += "? ";
        Text(key, indent, Multiline::kNo);
        out_ += '\n';
        Indent(indent);
        out_ += ": ";
        Value(*value, indent + 2);
        continue;
      }
      Text(key, indent, Multiline::kNo);
      out_ += ':';
      bool nested_map = value->is_object() && !value->get_object().empty();
      bool nested_list = value->is_array() && !value->get_array().empty();
      if (nested_map || nested_list) {
        out_ += '\n';
        size_t below = nested_map ? indent + 2 : indent;
        Indent(below);
        Value(*value, below);
      } else {
        out_ += ' ';
        Value(*value, indent + 2);
      }
    }
  }

  void List(const json::Array& array, size_t indent) {
    bool first = true;
    for (const json::Value& element : array) {
      if (!first) Indent(indent);
      first = false;
      out_ += "- ";
      Value(element, indent + 2);
    }
  }

  void Scalar(const json::Value& value, size_t indent) {
    if (value.is_string()) {
      Text(value.get_string(), indent, Multiline::kYes);
    } else if (value.is_object()) {
      out_ += "{}";
    } else if (value.is_array()) {
      out_ += "[]";
    } else {
      json::SerializeTo(value, out_);
    }
  }

  enum class Multiline : unsigned char { kNo, kYes };

  void Text(std::string_view text, size_t indent, Multiline multiline) {
    bool printable = IsPrintable(text);
    bool lines = text.find('\n') != std::string_view::npos;
    if (!printable) return Quoted(text);
    if (lines) return multiline == Multiline::kYes && IsBlockSafe(text) ? Block(text, indent) : Quoted(text);
    Result<json::Value> plain = ResolveScalar("?", text);  // what it would be read as
    if (!plain || !plain->is_string() || LooksLikeTime(text) || text.starts_with(".")) return Quoted(text);
    if (IsPlainSafe(text)) {
      out_ += text;
      return;
    }
    out_ += '\'';
    for (char c : text) {
      if (c == '\'') out_ += '\'';
      out_ += c;
    }
    out_ += '\'';
  }

  void Quoted(std::string_view text) {
    out_ += '"';
    for (size_t i = 0; i < text.size(); ++i) {
      auto c = static_cast<unsigned char>(text[i]);
      if (c == '"' || c == '\\') {
        out_ += '\\';
        out_ += text[i];
      } else if (c == '\n') {
        out_ += "\\n";
      } else if (c == '\t') {
        out_ += "\\t";
      } else if (c == '\r') {
        out_ += "\\r";
      } else if (c < ' ' || c == 0x7f) {
        out_ += fmt::format("\\x{:02x}", c);
      } else if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
        out_ += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
      } else if (c == 0xE2 && (text.substr(i, 3) == "\xE2\x80\xA8" || text.substr(i, 3) == "\xE2\x80\xA9")) {
        out_ += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
        i += 2;
      } else if (text.substr(i, 3) == "\xEF\xBB\xBF") {
        out_ += "\\uFEFF";
        i += 2;
      } else {
        out_ += text[i];
      }
    }
    out_ += '"';
  }

  void Block(std::string_view text, size_t indent) {
    out_ += '|';
    if (text.front() == ' ' || text.front() == '\n') out_ += '2';
    bool ends = text.back() == '\n';
    bool more = text.size() > 1 && ends && text[text.size() - 2] == '\n';
    if (!ends) out_ += '-';
    if (more) out_ += '+';
    while (!text.empty()) {
      size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      out_ += '\n';
      if (!line.empty()) {
        Indent(indent);
        out_ += line;
      }
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
  }

  std::string out_;
};

}  // namespace

std::string Serialize(const json::Value& value) {
  Emitter emitter;
  // Text at the top level has no key to be indented below.
  emitter.Value(value, value.is_structured() ? 0 : 2);
  return std::move(emitter).Take();
}

}  // namespace sampan::yaml
