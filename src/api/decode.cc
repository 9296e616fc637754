#include "api/decode.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "api/meta/instant.h"
#include "api/meta/quantity.h"
#include "codec/base64.h"

namespace sampan::api {
namespace {

using json::Value;

std::string_view View(const json::String& text) {
  return {text.data(), text.size()};
}

// Walks a value along its type and brings it into canonical form in place.
class Canonicalizer {
 public:
  explicit Canonicalizer(std::vector<std::string>* unknown) : unknown_(unknown) {}

  Result<void> Apply(const Type& type, Value& value);

 private:
  // A step of the path from the root; lives on the stack of the recursion.
  struct Step {
    const Step* parent;
    std::string_view name;  // a field or map key; empty for an element
    size_t index = 0;
    const Type* owner = nullptr;  // the struct that declares the field
  };

  Result<void> Visit(const Type& type, Value& value);
  Result<void> VisitObject(const Type& type, json::Object& object);
  Result<void> VisitScalar(const Type& type, Value& value);
  Result<void> VisitInteger(const Type& type, Value& value, int64_t low, int64_t high);
  Result<void> VisitQuantity(const Type& type, Value& value);
  Result<void> VisitTime(Value& value, Precision precision);
  Result<void> VisitBase64(Value& value);
  void Rebuild(const Type& type, json::Object& object, std::span<Value*> slots, std::vector<json::Object::iterator> extras);
  static bool IsAbsent(const Field& field, const Value& value);

  Error Mismatch(const Type& type, const Value& value) const;
  std::string GoPath() const;                          // "DeploymentSpec.spec.replicas"; "" at the root
  std::string FieldPath(std::string_view name) const;  // "spec.containers[0].name"

  class Enter {
   public:
    Enter(Canonicalizer* self, Step step) : self_(self), step_(step) {
      step_.parent = self->top_;
      self->top_ = &step_;
    }
    ~Enter() { self_->top_ = step_.parent; }
    Enter(const Enter&) = delete;
    Enter& operator=(const Enter&) = delete;

   private:
    Canonicalizer* self_;
    Step step_;
  };

  std::vector<std::string>* unknown_;
  const Step* top_ = nullptr;
};

Result<void> Canonicalizer::Apply(const Type& type, Value& value) {
  if (value.is_null() && type.IsObject()) value.emplace_object();
  return Visit(type, value);
}

std::string GoValueName(const Value& value) {
  switch (value.kind()) {
    case json::Kind::string:
      return "string";
    case json::Kind::bool_:
      return "bool";
    case json::Kind::array:
      return "array";
    case json::Kind::object:
      return "object";
    case json::Kind::null:
      return "null";
    default:
      return "number";
  }
}

std::string Canonicalizer::GoPath() const {
  std::string path;
  const Type* owner = nullptr;
  for (const Step* step = top_; step != nullptr; step = step->parent) {
    if (step->owner == nullptr) continue;  // elements and map keys do not show in Go's path
    if (owner == nullptr) owner = step->owner;
    path = path.empty() ? std::string(step->name) : std::string(step->name) + "." + path;
  }
  return owner == nullptr ? "" : std::string(owner->ShortName()) + "." + path;
}

std::string Canonicalizer::FieldPath(std::string_view name) const {
  std::vector<const Step*> steps;
  for (const Step* step = top_; step != nullptr; step = step->parent) steps.push_back(step);
  std::string path;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if ((*step)->owner == nullptr && (*step)->name.empty()) {
      path += fmt::format("[{}]", (*step)->index);
    } else {
      if (!path.empty()) path += '.';
      path += (*step)->name;
    }
  }
  if (!path.empty()) path += '.';
  return path + std::string(name);
}

Error Canonicalizer::Mismatch(const Type& type, const Value& value) const {
  std::string path = GoPath();
  std::string found = GoValueName(value);
  if (path.empty()) return Error::BadRequest("json: cannot unmarshal {} into Go value of type {}", found, GoTypeName(type));
  return Error::BadRequest("json: cannot unmarshal {} into Go struct field {} of type {}", found, path, GoTypeName(type));
}

Result<void> Canonicalizer::Visit(const Type& type, Value& value) {
  switch (type.kind) {
    case TypeKind::kObject:
      if (!value.is_object()) return Fail(Mismatch(type, value));
      return VisitObject(type, value.get_object());
    case TypeKind::kList: {
      if (!value.is_array()) return Fail(Mismatch(type, value));
      json::Array& array = value.get_array();
      for (size_t i = 0; i < array.size(); ++i) {
        Enter enter(this, {nullptr, {}, i, nullptr});
        if (array[i].is_null() && type.element->IsObject()) array[i].emplace_object();
        TRY_VOID(Visit(*type.element, array[i]));
      }
      return {};
    }
    case TypeKind::kMap: {
      if (!value.is_object()) return Fail(Mismatch(type, value));
      for (auto& member : value.get_object()) {
        Enter enter(this, {nullptr, {member.key().data(), member.key().size()}, 0, nullptr});
        if (member.value().is_null() && type.element->kind == TypeKind::kString) member.value() = "";
        if (member.value().is_null()) continue;
        TRY_VOID(Visit(*type.element, member.value()));
      }
      return {};
    }
    default:
      return VisitScalar(type, value);
  }
}

// Fields that are written in no object: null, empty lists and maps, and zeros where those mean absent.
bool Canonicalizer::IsAbsent(const Field& field, const Value& value) {
  switch (value.kind()) {
    case json::Kind::null:
      return true;
    case json::Kind::array:
      return !field.required && field.type->kind == TypeKind::kList && value.get_array().empty();
    case json::Kind::object:
      return !field.required && field.type->kind == TypeKind::kMap && value.get_object().empty();
    case json::Kind::string:
      return field.omit_zero && value.get_string().empty();
    case json::Kind::bool_:
      return field.omit_zero && !value.get_bool();
    case json::Kind::int64:
      return field.omit_zero && value.get_int64() == 0;
    case json::Kind::double_:
      return field.omit_zero && value.get_double() == 0;
    default:
      return false;
  }
}

Result<void> Canonicalizer::VisitObject(const Type& type, json::Object& object) {
  // One slot a declared field; most objects come in canonical order and stay as they are.
  std::array<Value*, 64> small{};
  std::vector<Value*> large;
  std::span<Value*> slots(small.data(), type.fields.size());
  if (type.fields.size() > small.size()) {
    large.resize(type.fields.size());
    slots = large;
  }
  std::vector<json::Object::iterator> extras;
  bool changed = false;
  for (auto member = object.begin(); member != object.end(); ++member) {
    std::string_view key(member->key().data(), member->key().size());
    const Field* field = type.Find(key);
    if (field == nullptr) {
      if (type.element != nullptr && !type.preserve_unknown) {
        Enter enter(this, {nullptr, key, 0, nullptr});
        TRY_VOID(Visit(*type.element, member->value()));
      }
      if (type.element != nullptr || type.preserve_unknown) {
        extras.push_back(member);
      } else {
        if (unknown_ != nullptr && unknown_->size() < json::kMaxDuplicates) unknown_->push_back(FieldPath(key));
        changed = true;
      }
      continue;
    }
    Value& value = member->value();
    if (!value.is_null()) {
      Enter enter(this, {nullptr, key, 0, &type});
      TRY_VOID(Visit(*field->type, value));
    }
    if (IsAbsent(*field, value)) {
      changed = true;
    } else {
      slots[field - type.fields.data()] = &value;
    }
  }
  if (!changed) {
    // In order already? Then every declared member stands where the walk in canonical order meets it.
    auto at = object.begin();
    for (uint16_t index : type.order) {
      if (slots[index] == nullptr) continue;
      if (slots[index] != &at->value()) {
        changed = true;
        break;
      }
      ++at;
    }
  }
  if (changed) Rebuild(type, object, slots, std::move(extras));
  return {};
}

void Canonicalizer::Rebuild(const Type& type, json::Object& object, std::span<Value*> slots,
                            std::vector<json::Object::iterator> extras) {
  json::Object out(object.storage());
  out.reserve(object.size());
  for (uint16_t index : type.order) {
    if (slots[index] == nullptr) continue;
    std::string_view name = type.fields[index].name;
    out.emplace(boost::json::string_view(name.data(), name.size()), std::move(*slots[index]));
  }
  for (auto extra : extras) out.emplace(extra->key(), std::move(extra->value()));
  object = std::move(out);
}

Result<void> Canonicalizer::VisitScalar(const Type& type, Value& value) {
  switch (type.kind) {
    case TypeKind::kString:
    case TypeKind::kDuration:
      return value.is_string() ? Result<void>() : Fail(Mismatch(type, value));
    case TypeKind::kBool:
      return value.is_bool() ? Result<void>() : Fail(Mismatch(type, value));
    case TypeKind::kInt32:
      return VisitInteger(type, value, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
    case TypeKind::kInt64:
      return VisitInteger(type, value, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
    case TypeKind::kDouble:
      if (!value.is_number()) return Fail(Mismatch(type, value));
      value = value.to_number<double>();
      return {};
    case TypeKind::kBytes:
      return value.is_string() ? VisitBase64(value) : Fail(Mismatch(type, value));
    case TypeKind::kTime:
      return value.is_string() ? VisitTime(value, Precision::kSeconds)
                               : Fail(Mismatch(ScalarType(TypeKind::kString), value));
    case TypeKind::kMicroTime:
      return value.is_string() ? VisitTime(value, Precision::kMicroseconds)
                               : Fail(Mismatch(ScalarType(TypeKind::kString), value));
    case TypeKind::kQuantity:
      return VisitQuantity(type, value);
    case TypeKind::kIntOrString:
      if (value.is_string()) return {};
      if (!value.is_number()) return Fail(Mismatch(type, value));
      return VisitInteger(ScalarType(TypeKind::kInt32), value, std::numeric_limits<int32_t>::min(),
                          std::numeric_limits<int32_t>::max());
    default:
      return {};  // kept as it is
  }
}

Result<void> Canonicalizer::VisitInteger(const Type& type, Value& value, int64_t low, int64_t high) {
  if (!value.is_number()) return Fail(Mismatch(type, value));
  // Text never gives an unsigned value that fits a signed one; objects built by components do.
  if (value.is_uint64() && std::in_range<int64_t>(value.get_uint64())) value = static_cast<int64_t>(value.get_uint64());
  if (value.is_int64() && value.get_int64() >= low && value.get_int64() <= high) return {};
  if (value.is_double() && value.get_double() == std::floor(value.get_double()) && std::abs(value.get_double()) < 9.0e18) {
    auto number = static_cast<int64_t>(value.get_double());
    if (number >= low && number <= high) {
      value = number;
      return {};
    }
  }
  std::string path = GoPath();
  return Fail(Error::BadRequest("json: cannot unmarshal number {} into Go {} of type {}", json::Serialize(value),
                                path.empty() ? "value" : "struct field " + path, GoTypeName(type)));
}

Result<void> Canonicalizer::VisitQuantity(const Type& type, Value& value) {
  std::string text;
  if (value.is_string()) {
    text = View(value.get_string());
  } else if (value.is_number()) {
    text = json::Serialize(value);
  } else {
    return Fail(Mismatch(type, value));
  }
  TRY(Quantity quantity, Quantity::Parse(text));
  std::string canonical = quantity.ToString();
  if (!value.is_string() || canonical != text) value = canonical;
  return {};
}

Result<void> Canonicalizer::VisitTime(Value& value, Precision precision) {
  std::string_view text = View(value.get_string());
  auto time = ParseInstant(text);
  if (!time) {
    return Fail(Error::BadRequest("parsing time \"{}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{}\" as RFC 3339",
                                  text, text));
  }
  std::string canonical = FormatInstant(*time, precision);
  if (canonical != text) value = canonical;
  return {};
}

Result<void> Canonicalizer::VisitBase64(Value& value) {
  std::string_view text = View(value.get_string());
  if (!base64::Valid(text)) {
    size_t at = 0;
    while (at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '+' || text[at] == '/')) {
      ++at;
    }
    return Fail(Error::BadRequest("illegal base64 data at input byte {}", at));
  }
  if (text.find_first_of("\r\n") != std::string_view::npos) value = base64::Encode(*base64::Decode(text));
  return {};
}

Error CannotHandle(const KindInfo& kind, std::string_view reason) {
  return Error::BadRequest("{} in version \"{}\" cannot be handled as a {}: {}", kind.kind, kind.version, kind.kind, reason);
}

// Refuses an apiVersion or kind that is not the kind's, and fills in absent ones.
Result<void> CheckTypeMeta(const KindInfo& kind, json::Object& object) {
  std::string expected = kind.ApiVersion();
  Value& version = object["apiVersion"];
  if (version.is_null() || (version.is_string() && version.get_string().empty())) version = expected;
  if (version.is_string() && View(version.get_string()) != expected) {
    return Fail(Error::BadRequest("the API version in the data ({}) does not match the expected API version ({})",
                                  View(version.get_string()), expected));
  }
  Value& name = object["kind"];
  if (name.is_null() || (name.is_string() && name.get_string().empty())) name = kind.kind;
  if (name.is_string() && View(name.get_string()) != kind.kind) {
    return Fail(Error::BadRequest("{} in version \"{}\" cannot be handled as a {}: the kind of the data is {}",
                                  View(name.get_string()), kind.version, kind.kind, View(name.get_string())));
  }
  return {};
}

Result<Value> Decode(const KindInfo& kind, Value value, const DecodeOptions& options,
                     const std::vector<std::string>& duplicates) {
  if (value.is_null()) value.emplace_object();
  if (!value.is_object()) {
    return Fail(CannotHandle(kind, fmt::format("json: cannot unmarshal {} into Go value of type {}", GoValueName(value),
                                               GoTypeName(*kind.type))));
  }
  TRY_VOID(CheckTypeMeta(kind, value.get_object()));
  bool report = options.strictness != Strictness::kIgnore;
  std::vector<std::string> unknown;
  Canonicalizer canonicalizer(report ? &unknown : nullptr);
  if (auto done = canonicalizer.Apply(*kind.type, value); !done) {
    return Fail(CannotHandle(kind, done.error().message()));
  }
  if (!report || (unknown.empty() && duplicates.empty())) return value;
  std::vector<std::string> faults;
  for (const std::string& path : unknown) faults.push_back(fmt::format("unknown field \"{}\"", path));
  for (const std::string& path : duplicates) faults.push_back(fmt::format("duplicate field \"{}\"", path));
  if (options.strictness == Strictness::kStrict) {
    return Fail(CannotHandle(kind, fmt::format("strict decoding error: {}", fmt::join(faults, ", "))));
  }
  if (options.warnings != nullptr) {
    options.warnings->insert(options.warnings->end(), faults.begin(), faults.end());
  }
  return value;
}

}  // namespace

Result<Value> DecodeBody(const KindInfo& kind, std::string_view text, const DecodeOptions& options) {
  std::vector<std::string> duplicates;
  json::ParseOptions parse;
  parse.max_bytes = options.max_bytes;
  parse.max_depth = options.max_depth;
  if (options.strictness != Strictness::kIgnore) parse.duplicates = &duplicates;
  auto value = json::Parse(text, parse);
  if (!value) {
    if (!value.error().Is(Reason::kBadRequest)) return Fail(value.error());
    return Fail(Error::BadRequest(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {} ({})",
        kind.kind, value.error().message(), Excerpt(text)));
  }
  return Decode(kind, *std::move(value), options, duplicates);
}

Result<Value> DecodeObject(const KindInfo& kind, Value value, const DecodeOptions& options) {
  static const std::vector<std::string> kNone;
  return Decode(kind, std::move(value), options, options.duplicates == nullptr ? kNone : *options.duplicates);
}

std::string Excerpt(std::string_view body) {
  constexpr size_t kMost = 1024;
  if (body.empty()) return "<empty>";
  std::string_view shown = body.substr(0, kMost);
  std::string text;
  if (shown.front() == '{') {
    text = shown;
  } else {
    for (unsigned char c : shown) text += fmt::format("{:02x}", c);
  }
  return body.size() > kMost ? text + " ..." : text;
}

Result<Value> Canonicalize(const Type& type, Value value, std::vector<std::string>* unknown) {
  TRY_VOID(Canonicalizer(unknown).Apply(type, value));
  return value;
}

}  // namespace sampan::api
