#include "api/validation/causes.h"

namespace sampan::api {
namespace {

constexpr size_t kMaxShownValue = 2 * 1024;
constexpr size_t kMaxShown = 256 * 1024;
constexpr size_t kMaxCauses = 1000;

// Writes no more than the beginning of a large value.
void SerializeBeginning(const json::Value& value, std::string& out) {
  if (out.size() > kMaxShownValue) return;
  if (const json::Array* array = value.if_array()) {
    out += '[';
    for (const json::Value& element : *array) {
      if (out.size() > kMaxShownValue) return;
      if (&element != array->data()) out += ',';
      SerializeBeginning(element, out);
    }
    out += ']';
  } else if (const json::Object* object = value.if_object()) {
    out += '{';
    for (const auto& member : *object) {
      if (out.size() > kMaxShownValue) return;
      if (&member != &*object->begin()) out += ',';
      json::AppendQuoted(std::string_view(member.key()).substr(0, kMaxShownValue + 1), out);
      out += ':';
      SerializeBeginning(member.value(), out);
    }
    out += '}';
  } else if (const json::String* text = value.if_string()) {
    json::AppendQuoted(std::string_view(*text).substr(0, kMaxShownValue + 1), out);
  } else {
    json::SerializeTo(value, out);
  }
}

// Cuts a long text, between two characters.
void Shorten(std::string& text) {
  if (text.size() <= kMaxShownValue) return;
  size_t end = kMaxShownValue;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  text += "...";
}

}  // namespace

BadValue::BadValue(const json::Value& value) {
  SerializeBeginning(value, text);
  Shorten(text);
}

BadValue::BadValue(std::string_view value) {
  json::AppendQuoted(value.substr(0, kMaxShownValue + 1), text);
  Shorten(text);
}

std::string Path::ToString() const {
  std::string prefix = parent_ == nullptr ? std::string() : parent_->ToString();
  if (index_ >= 0) return fmt::format("{}[{}]", prefix, index_);
  if (key_) return fmt::format("{}[{}]", prefix, name_);
  if (prefix.empty()) return std::string(name_);
  if (name_.empty()) return prefix;
  return fmt::format("{}.{}", prefix, name_);
}

void Causes::Add(std::string_view type, std::string_view label, const Path& path, std::string message) {
  if (causes_.size() >= kMaxCauses || shown_ > kMaxShown) {
    ++omitted_;
    return;
  }
  std::string text = message.empty() ? std::string(label) : fmt::format("{}: {}", label, message);
  causes_.push_back({std::string(type), std::move(text), path.ToString()});
  shown_ += causes_.back().message.size() + causes_.back().field.size();
}

void Causes::Required(const Path& path, std::string_view detail) {
  Add("FieldValueRequired", "Required value", path, std::string(detail));
}

void Causes::Invalid(const Path& path, const BadValue& value, std::string_view detail) {
  Add("FieldValueInvalid", "Invalid value", path, fmt::format("{}: {}", value.text, detail));
}

void Causes::TypeInvalid(const Path& path, const BadValue& value, std::string_view detail) {
  Add("FieldValueTypeInvalid", "Invalid value", path, fmt::format("{}: {}", value.text, detail));
}

void Causes::NotSupported(const Path& path, const BadValue& value, std::vector<std::string_view> supported) {
  std::string list;
  for (std::string_view name : supported) {
    if (!list.empty()) list += ", ";
    json::AppendQuoted(name, list);
  }
  Add("FieldValueNotSupported", "Unsupported value", path, fmt::format("{}: supported values: {}", value.text, list));
}

void Causes::Duplicate(const Path& path, const BadValue& value) {
  Add("FieldValueDuplicate", "Duplicate value", path, value.text);
}

void Causes::NotFound(const Path& path, const BadValue& value) {
  Add("FieldValueNotFound", "Not found", path, value.text);
}

void Causes::Forbidden(const Path& path, std::string_view detail) {
  Add("FieldValueForbidden", "Forbidden", path, std::string(detail));
}

void Causes::TooLong(const Path& path, size_t max_bytes) {
  Add("FieldValueTooLong", "Too long", path, fmt::format("may not be more than {} bytes", max_bytes));
}

void Causes::TooMany(const Path& path, size_t count, size_t max_items) {
  Add("FieldValueTooMany", "Too many", path, fmt::format("{}: must have at most {} items", count, max_items));
}

Error Causes::ToError(std::string_view group, std::string_view kind, std::string_view name) && {
  std::vector<std::string> messages;
  std::unordered_set<std::string> seen;
  for (const ErrorCause& cause : causes_) {
    // An unnamed place (the whole of a ConfigMap's data) is shown as [].
    std::string text = fmt::format("{}: {}", cause.field.empty() ? "[]" : cause.field, cause.message);
    if (seen.insert(text).second) messages.push_back(std::move(text));
  }
  if (omitted_ > 0) messages.push_back(fmt::format("and {} more", omitted_));
  std::string joined = messages.size() == 1 ? messages[0] : fmt::format("[{}]", fmt::join(messages, ", "));
  std::string full_kind = group.empty() ? std::string(kind) : fmt::format("{}.{}", kind, group);
  std::string quoted;
  json::AppendQuoted(name, quoted);
  std::string message = messages.empty() ? fmt::format("{} {} is invalid", full_kind, quoted)
                                         : fmt::format("{} {} is invalid: {}", full_kind, quoted, joined);
  return Error(Reason::kInvalid, std::move(message))
      .WithDetails(
          {.group = std::string(group), .kind = std::string(kind), .name = std::string(name), .causes = std::move(causes_)});
}

}  // namespace sampan::api
