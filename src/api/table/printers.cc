#include "api/table/printers.h"

#include "api/table/table.h"

namespace sampan::api::printers {

void Put(json::Array& cells, std::string_view text) {
  cells.emplace_back(boost::json::string_view(text));
}

std::string_view OrNone(std::string_view text) {
  return text.empty() ? kNone : text;
}

std::string Since(std::string_view timestamp, WallTime now) {
  auto time = ParseTime(timestamp);
  return time ? HumanDuration(now - *time) : "<unknown>";
}

std::string Age(const json::Value& object, WallTime now) {
  return Since(Text(object, "metadata", "creationTimestamp"), now);
}

std::string FormatLabels(const json::Value* labels) {
  std::map<std::string_view, std::string_view> sorted;
  if (labels != nullptr && labels->is_object()) {
    for (const auto& label : labels->get_object()) sorted[label.key()] = json::FindString(&label.value());
  }
  std::string text;
  for (const auto& [key, value] : sorted) text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
  return text.empty() ? std::string(kNone) : text;
}

std::string FormatLabelSelector(const json::Value* selector) {
  if (selector == nullptr || !selector->is_object()) return std::string(kNone);
  std::vector<std::string> parts;
  const json::Value* labels = json::Find(*selector, "matchLabels");
  if (labels != nullptr && !labels->get_object().empty()) parts.push_back(FormatLabels(labels));
  for (const json::Value& expression : List(*selector, "matchExpressions")) {
    std::string_view key = Text(expression, "key");
    std::string_view op = Text(expression, "operator");
    std::vector<std::string_view> values;
    for (const json::Value& value : List(expression, "values")) values.push_back(json::FindString(&value));
    std::ranges::sort(values);
    if (op == "Exists") {
      parts.emplace_back(key);
    } else if (op == "DoesNotExist") {
      parts.push_back(fmt::format("!{}", key));
    } else {
      parts.push_back(fmt::format("{} {} ({})", key, op == "In" ? "in" : "notin", fmt::join(values, ",")));
    }
  }
  return parts.empty() ? std::string(kNone) : fmt::format("{}", fmt::join(parts, ","));
}

}  // namespace sampan::api::printers
