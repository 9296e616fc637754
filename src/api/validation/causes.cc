#include "api/validation/causes.h"

namespace sampan::api {
std::string Path::ToString() const {
  std::string prefix = parent_ == nullptr ? std::string() : parent_->ToString();
  if (index_ >= 0) return fmt::format("{}[{}]", prefix, index_);
  if (key_) return fmt::format("{}[{}]", prefix, name_);
  if (prefix.empty()) return std::string(name_);
  if (name_.empty()) return prefix;
  return fmt::format("{}.{}", prefix, name_);
}

void Causes::Add(std::string_view type, std::string_view label, const Path& path, std::string message) {
  std::string text = message.empty() ? std::string(label) : fmt::format("{}: {}", label, message);
  causes_.push_back({std::string(type), std::move(text), path.ToString()});
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
