#include "api/meta/field_selector.h"

#include <algorithm>

#include <fmt/format.h>

#include "api/schema.h"
#include "codec/json_cursor.h"

namespace sampan::api {
namespace {

// The value behind a backslash-escaped text, or nothing when an escape is unknown.
bool Unescape(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\') {
      if (++i >= text.size()) return false;
      c = text[i];
      if (c != '\\' && c != ',' && c != '=') return false;
    } else if (c == '=' || c == ',') {
      return false;
    }
    out += c;
  }
  return true;
}

std::string Escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == ',' || c == '=') out += '\\';
    out += c;
  }
  return out;
}

// Where the first of "!=", "==", "=" that is not escaped stands.
size_t FindOperator(std::string_view term, size_t& length) {
  for (size_t i = 0; i < term.size(); ++i) {
    if (term[i] == '\\') {
      ++i;
    } else if (term.substr(i).starts_with("!=") || term.substr(i).starts_with("==")) {
      length = 2;
      return i;
    } else if (term[i] == '=') {
      length = 1;
      return i;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string_view> SplitTerms(std::string_view text) {
  std::vector<std::string_view> terms;
  size_t start = 0;
  auto end_term = [&](size_t end) {
    if (end > start) terms.push_back(text.substr(start, end - start));
    start = end + 1;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',') {
      end_term(i);
    }
  }
  end_term(text.size());
  return terms;
}

// The scalar at `path` of the value under the cursor, printed. False when absent.
bool ReadPath(json::Cursor& cursor, std::string_view path, std::string& out) {
  using Token = json::Cursor::Token;
  if (path.empty()) {
    switch (cursor.Peek()) {
      case Token::kString: {
        std::string scratch;
        out = cursor.String(scratch);
        return true;
      }
      case Token::kNumber:
        out = cursor.Number();
        return true;
      case Token::kBool:
        out = cursor.Bool() ? "true" : "false";
        return true;
      default:
        return false;
    }
  }
  if (cursor.Peek() != Token::kObject) return false;
  size_t dot = path.find('.');
  std::string_view step = path.substr(0, dot);
  std::string_view rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  bool found = false;
  cursor.Object([&](std::string_view key) {
    if (key != step) {
      cursor.Skip();
      return true;
    }
    found = ReadPath(cursor, rest, out);
    return false;  // the rest of the text is of no interest
  });
  return found;
}

std::string Read(const Object& object, std::string_view path) {
  std::string out;
  json::Cursor cursor(object.bytes());
  ReadPath(cursor, path, out);
  return out;
}

// What an absent field of this type compares as.
std::string_view ZeroText(const Type* type, std::string_view path) {
  while (type != nullptr && !path.empty()) {
    size_t dot = path.find('.');
    const Field* field = type->Find(path.substr(0, dot));
    if (field == nullptr) return "";
    type = field->type;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  if (type == nullptr) return "";
  if (type->kind == TypeKind::kBool) return "false";
  return type->kind == TypeKind::kInt32 || type->kind == TypeKind::kInt64 ? "0" : "";
}

}  // namespace

Result<FieldSelector> FieldSelector::Parse(std::string_view text) {
  FieldSelector out;
  for (std::string_view term : SplitTerms(text)) {
    size_t length = 0;
    size_t at = FindOperator(term, length);
    Requirement requirement;
    if (at == std::string_view::npos || !Unescape(term.substr(at + length), requirement.value)) {
      return Fail(Error::BadRequest("invalid selector: '{}'; can't understand '{}'", text, term));
    }
    requirement.path = term.substr(0, at);
    requirement.equal = term[at] != '!';
    out.requirements_.push_back(std::move(requirement));
  }
  return out;
}

FieldSelector FieldSelector::Of(std::vector<Requirement> requirements) {
  FieldSelector out;
  out.requirements_ = std::move(requirements);
  return out;
}

Result<void> FieldSelector::CheckSupported(const KindInfo& kind) const {
  for (const Requirement& requirement : requirements_) {
    const std::string& path = requirement.path;
    if (path == "metadata.name" || path == "metadata.namespace") continue;
    const auto& offered = kind.selectable_fields;
    if (std::find(offered.begin(), offered.end(), path) != offered.end()) continue;
    if (!offered.empty()) return Fail(Error::BadRequest("field label not supported: {}", path));
    return Fail(
        Error::BadRequest("\"{}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", path));
  }
  return {};
}

void FieldSelector::Rename(std::string_view (*path)(std::string_view)) {
  for (Requirement& requirement : requirements_) requirement.path = path(requirement.path);
}

bool FieldSelector::Matches(const KindInfo& kind, const Object& object) const {
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& requirement) {
    if (requirement.path == "metadata.name") return (object.name() == requirement.value) == requirement.equal;
    if (requirement.path == "metadata.namespace") return (object.namespace_() == requirement.value) == requirement.equal;
    return (SelectableValue(kind, object, requirement.path) == requirement.value) == requirement.equal;
  });
}

const std::string* FieldSelector::RequiredValue(std::string_view path) const {
  for (const Requirement& requirement : requirements_) {
    if (requirement.equal && requirement.path == path) return &requirement.value;
  }
  return nullptr;
}

std::string FieldSelector::ToString() const {
  std::string out;
  for (const Requirement& requirement : requirements_) {
    if (!out.empty()) out += ',';
    out += requirement.path + (requirement.equal ? "=" : "!=") + Escape(requirement.value);
  }
  return out;
}

std::string SelectableValue(const KindInfo& kind, const Object& object, std::string_view path) {
  if (path == "metadata.name") return object.name();
  if (path == "metadata.namespace") return object.namespace_();
  // An event's source is the component that reported it, whichever field names it.
  if (kind.kind == "Event" && path == "source") {
    std::string component = Read(object, "source.component");
    return component.empty() ? Read(object, "reportingComponent") : component;
  }
  std::string value = Read(object, path);
  return value.empty() ? std::string(ZeroText(kind.type, path)) : value;
}

}  // namespace sampan::api
