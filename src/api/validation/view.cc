#include "api/validation/view.h"

#include <charconv>

namespace sampan::api {

void CheckName(const View& field, names::Check check, Causes& causes) {
  if (field.Empty()) return;
  if (auto fault = check(field.Str())) causes.Invalid(field.path(), field.Value(), *fault);
}

void RequireName(const View& field, names::Check check, Causes& causes) {
  if (field.Empty()) return causes.Required(field.path());
  CheckName(field, check, causes);
}

void OneOf(const View& field, std::vector<std::string_view> supported, Causes& causes) {
  if (field.Empty() || std::ranges::find(supported, field.Str()) != supported.end()) return;
  causes.NotSupported(field.path(), field.Value(), std::move(supported));
}

void RequireOneOf(const View& field, std::vector<std::string_view> supported, Causes& causes) {
  if (field.Empty()) return causes.Required(field.path());
  OneOf(field, std::move(supported), causes);
}

void NonNegative(const View& field, Causes& causes) {
  if (field.Int() < 0) causes.Invalid(field.path(), field.Value(), "must be greater than or equal to 0");
}

void Positive(const View& field, Causes& causes) {
  auto value = field.MaybeInt();
  if (value && *value <= 0) causes.Invalid(field.path(), field.Value(), "must be greater than 0");
}

void InRange(const View& field, int64_t low, int64_t high, Causes& causes) {
  auto value = field.MaybeInt();
  if (!value || (*value >= low && *value <= high)) return;
  causes.Invalid(field.path(), field.Value(), fmt::format("must be between {} and {}, inclusive", low, high));
}

void PortNumber(const View& field, Causes& causes) {
  int64_t port = field.Int();
  if (port < 1 || port > 65535) causes.Invalid(field.path(), port, "must be between 1 and 65535, inclusive");
}

void PortNumberOrName(const View& field, Causes& causes) {
  if (field.Raw() == nullptr || !field.Raw()->is_string()) return PortNumber(field, causes);
  if (auto fault = names::PortName(field.Str())) causes.Invalid(field.path(), field.Value(), *fault);
}

bool Same(const View& a, const View& b) {
  if (a.Empty() || b.Empty()) return a.Empty() && b.Empty();
  return json::Equal(*a.Raw(), *b.Raw());
}

void Immutable(const View& field, const View& old, Causes& causes) {
  if (!Same(field, old)) causes.Invalid(field.path(), field.Value(), "field is immutable");
}

IntOrPercent CheckIntOrPercent(const View& field, Causes& causes) {
  IntOrPercent result;
  if (field.Raw() != nullptr && field.Raw()->is_string()) {
    std::string_view text = field.Str();
    result.percent = true;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result.value);
    bool digits = !text.empty() && text[0] >= '0' && text[0] <= '9';
    if (!digits || error != std::errc() || end + 1 != text.data() + text.size() || *end != '%') {
      result.value = 0;
      causes.Invalid(
          field.path(), field.Value(),
          "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
          "used for validation is '[0-9]+%')");
    }
    return result;
  }
  NonNegative(field, causes);
  result.value = field.Int();
  return result;
}

void CheckLabelKey(const View& field, Causes& causes) {
  if (auto fault = names::QualifiedName(field.Str())) causes.Invalid(field.path(), field.Str(), *fault);
}

void CheckLabels(const View& labels, Causes& causes) {
  labels.ForEachKey([&](std::string_view key, const View& value) {
    if (auto fault = names::QualifiedName(key)) causes.Invalid(labels.path(), key, *fault);
    if (auto fault = names::LabelValue(value.Str())) causes.Invalid(labels.path(), value.Value(), *fault);
  });
}

void CheckAnnotations(const View& annotations, Causes& causes) {
  constexpr size_t kMaxTotal = 256 * 1024;
  size_t total = 0;
  annotations.ForEachKey([&](std::string_view key, const View& value) {
    total += key.size() + value.Str().size();
    // Keys may be mixed case in their prefix here, unlike a label's.
    std::string lower(key);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (auto fault = names::QualifiedName(lower)) causes.Invalid(annotations.path(), key, *fault);
  });
  if (total > kMaxTotal) causes.TooLong(annotations.path(), kMaxTotal);
}

void CheckLabelSelector(const View& selector, Causes& causes) {
  View match_labels = selector["matchLabels"];
  CheckLabels(match_labels, causes);
  View expressions = selector["matchExpressions"];
  expressions.ForEach([&](const View& expression) {
    View op = expression["operator"];
    View values = expression["values"];
    std::string_view name = op.Str();
    if (name == "In" || name == "NotIn") {
      if (values.Empty()) causes.Required(values.path(), "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (name == "Exists" || name == "DoesNotExist") {
      if (!values.Empty()) {
        causes.Forbidden(values.path(), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      }
    } else {
      causes.Invalid(op.path(), name, "not a valid selector operator");
    }
    CheckLabelKey(expression["key"], causes);
    values.ForEach([&](const View& value) {
      if (auto fault = names::LabelValue(value.Str())) causes.Invalid(value.path(), value.Value(), *fault);
    });
  });
}

bool SelectorMatches(const json::Value& selector, const json::Value* labels) {
  auto value_of = [&](std::string_view key) { return labels == nullptr ? nullptr : json::Find(*labels, key); };
  bool matches = true;
  View root(&selector, Path());
  View match_labels = root["matchLabels"];
  match_labels.ForEachKey([&](std::string_view key, const View& wanted) {
    const json::Value* value = value_of(key);
    matches &= value != nullptr && json::FindString(value) == wanted.Str();
  });
  View expressions = root["matchExpressions"];
  expressions.ForEach([&](const View& expression) {
    const json::Value* value = value_of(expression["key"].Str());
    std::string_view op = expression["operator"].Str();
    bool listed = false;
    View values = expression["values"];
    values.ForEach([&](const View& candidate) { listed |= value != nullptr && candidate.Str() == json::FindString(value); });
    if (op == "In") matches &= listed;
    if (op == "NotIn") matches &= !listed;
    if (op == "Exists") matches &= value != nullptr;
    if (op == "DoesNotExist") matches &= value == nullptr;
  });
  return matches;
}

}  // namespace sampan::api
