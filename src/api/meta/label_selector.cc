#include "api/meta/label_selector.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include <fmt/format.h>

#include "api/meta/names.h"
#include "api/types/meta.h"

namespace sampan::api {
namespace {

using Op = LabelSelector::Op;
using Requirement = LabelSelector::Requirement;

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool IsSymbol(char c) {
  return c == '=' || c == '!' || c == '(' || c == ')' || c == ',' || c == '<' || c == '>';
}

// Hands out words and symbols ("=", "==", "!=", "!", "(", ")", ",", "<", ">"); an empty token is the end.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { Advance(); }
  std::string_view token() const { return token_; }
  bool AtEnd() const { return token_.empty(); }
  bool AtWord() const { return !token_.empty() && !IsSymbol(token_[0]); }
  bool Take(std::string_view expected) {
    if (token_ != expected) return false;
    Advance();
    return true;
  }
  std::string_view TakeAny() {
    std::string_view taken = token_;
    Advance();
    return taken;
  }

 private:
  void Advance() {
    while (!text_.empty() && IsSpace(text_[0])) text_.remove_prefix(1);
    size_t length = 0;
    if (!text_.empty() && IsSymbol(text_[0])) {
      length = text_.starts_with("==") || text_.starts_with("!=") ? 2 : 1;
    } else {
      while (length < text_.size() && !IsSpace(text_[length]) && !IsSymbol(text_[length])) ++length;
    }
    token_ = text_.substr(0, length);
    text_.remove_prefix(length);
  }

  std::string_view text_;
  std::string_view token_;
};

// Faults between requirements; those within one say so.
Error Unexpected(std::string_view found, std::string_view expected) {
  return Error::BadRequest("found '{}', expected: {}", found, expected);
}
Error Unparsable(const Error& fault) {
  return Error::BadRequest("unable to parse requirement: {}", fault.message());
}

// What is wrong with the parts of a requirement. Fills `number`.
Result<void> Check(Requirement& requirement) {
  if (Faults faults = CheckQualifiedName(requirement.key); !faults.empty()) {
    return Fail(Error::BadRequest("<nil>: Invalid value: \"{}\": {}", requirement.key, fmt::join(faults, "; ")));
  }
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    const std::string& value = requirement.values[i];
    if (Faults faults = CheckLabelValue(value); !faults.empty()) {
      return Fail(Error::BadRequest("values[{}][{}]: Invalid value: \"{}\": {}", i, requirement.key, value,
                                    fmt::join(faults, "; ")));
    }
  }
  if (requirement.op == Op::kGreaterThan || requirement.op == Op::kLessThan) {
    const std::string& text = requirement.values[0];
    const char* end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data(), end, requirement.number);
    if (error != std::errc() || stop != end) {
      return Fail(Error::BadRequest(
          "values[0]: Invalid value: \"{}\": for 'Gt', 'Lt' operators, the value must be an integer", text));
    }
  }
  std::sort(requirement.values.begin(), requirement.values.end());
  requirement.values.erase(std::unique(requirement.values.begin(), requirement.values.end()), requirement.values.end());
  return {};
}

// "(a,b)" behind in and notin. Nothing between two commas is the empty value.
Result<std::vector<std::string>> ParseSet(Lexer& lexer) {
  if (!lexer.Take("(")) return Fail(Error::BadRequest("found '{}' expected: '('", lexer.token()));
  std::vector<std::string> values;
  while (true) {
    values.emplace_back(lexer.AtWord() ? lexer.TakeAny() : std::string_view());
    if (lexer.Take(")")) return values;
    if (!lexer.Take(",")) return Fail(Unexpected(lexer.token(), "',', or ')'"));
  }
}

Result<Requirement> ParseRequirement(Lexer& lexer) {
  Requirement out;
  bool negated = lexer.Take("!");
  if (!lexer.AtWord()) return Fail(Unexpected(lexer.token(), "identifier"));
  out.key = lexer.TakeAny();
  if (negated || lexer.AtEnd() || lexer.token() == ",") {
    out.op = negated ? Op::kDoesNotExist : Op::kExists;
  } else if (lexer.Take("=") || lexer.Take("==") || lexer.token() == "!=") {
    out.op = lexer.Take("!=") ? Op::kNotIn : Op::kIn;
    out.values.emplace_back(lexer.AtWord() ? lexer.TakeAny() : std::string_view());
  } else if (lexer.token() == "<" || lexer.token() == ">") {
    out.op = lexer.TakeAny() == ">" ? Op::kGreaterThan : Op::kLessThan;
    out.values.emplace_back(lexer.AtWord() ? lexer.TakeAny() : std::string_view());
  } else if (lexer.Take("in")) {
    TRY(out.values, ParseSet(lexer));
  } else if (lexer.Take("notin")) {
    out.op = Op::kNotIn;
    TRY(out.values, ParseSet(lexer));
  } else {
    return Fail(Unexpected(lexer.token(), "in, notin, =, ==, !=, gt, lt"));
  }
  TRY_VOID(Check(out));
  return out;
}

void Sort(std::vector<Requirement>& requirements) {
  std::sort(requirements.begin(), requirements.end(), [](const Requirement& a, const Requirement& b) {
    return std::tie(a.key, a.op, a.values) < std::tie(b.key, b.op, b.values);
  });
}

bool Satisfies(const Requirement& requirement, const std::string* value) {
  switch (requirement.op) {
    case Op::kExists:
      return value != nullptr;
    case Op::kDoesNotExist:
      return value == nullptr;
    case Op::kIn:
      return value != nullptr && std::binary_search(requirement.values.begin(), requirement.values.end(), *value);
    case Op::kNotIn:
      return value == nullptr || !std::binary_search(requirement.values.begin(), requirement.values.end(), *value);
    default:
      break;
  }
  if (value == nullptr) return false;
  int64_t number = 0;
  const char* end = value->data() + value->size();
  auto [stop, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc() || stop != end) return false;
  return requirement.op == Op::kGreaterThan ? number > requirement.number : number < requirement.number;
}

}  // namespace

LabelSelector LabelSelector::Nothing() {
  LabelSelector out;
  out.nothing_ = true;
  return out;
}

LabelSelector LabelSelector::FromMap(const StringMap& labels) {
  LabelSelector out;
  for (const auto& [key, value] : labels) out.requirements_.push_back({key, Op::kIn, {value}});
  return out;
}

Result<LabelSelector> LabelSelector::Parse(std::string_view text) {
  LabelSelector out;
  Lexer lexer(text);
  if (lexer.AtEnd()) return out;
  while (true) {
    if (!lexer.AtWord() && lexer.token() != "!") {
      return Fail(Unexpected(lexer.token(), "!, identifier, or 'end of string'"));
    }
    Result<Requirement> requirement = ParseRequirement(lexer);
    if (!requirement) return Fail(Unparsable(requirement.error()));
    out.requirements_.push_back(*std::move(requirement));
    if (lexer.AtEnd()) break;
    if (!lexer.Take(",")) return Fail(Unexpected(lexer.token(), "',' or 'end of string'"));
    if (lexer.AtEnd()) return Fail(Unexpected("", "identifier after ','"));
  }
  Sort(out.requirements_);
  return out;
}

Result<LabelSelector> LabelSelector::From(const meta::LabelSelector& selector) {
  LabelSelector out;
  for (const auto& [key, value] : selector.match_labels) {
    Requirement requirement{key, Op::kIn, {value}};
    TRY_VOID(Check(requirement));
    out.requirements_.push_back(std::move(requirement));
  }
  for (const auto& expression : selector.match_expressions) {
    Requirement requirement{expression.key, Op::kIn, expression.values};
    bool set = expression.operator_ == "In" || expression.operator_ == "NotIn";
    if (expression.operator_ == "NotIn") {
      requirement.op = Op::kNotIn;
    } else if (expression.operator_ == "Exists") {
      requirement.op = Op::kExists;
    } else if (expression.operator_ == "DoesNotExist") {
      requirement.op = Op::kDoesNotExist;
    } else if (!set) {
      return Fail(Error::BadRequest("\"{}\" is not a valid label selector operator", expression.operator_));
    }
    if (set && requirement.values.empty()) {
      return Fail(Error::BadRequest("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"));
    }
    if (!set && !requirement.values.empty()) {
      return Fail(
          Error::BadRequest("values: Invalid value: [\"{}\"]: values set must be empty for exists and does not exist",
                            fmt::join(requirement.values, "\",\"")));
    }
    TRY_VOID(Check(requirement));
    out.requirements_.push_back(std::move(requirement));
  }
  Sort(out.requirements_);
  return out;
}

bool LabelSelector::Matches(const StringMap& labels) const {
  if (nothing_) return false;
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const Requirement& requirement) { return Satisfies(requirement, labels.Find(requirement.key)); });
}

std::string LabelSelector::ToString() const {
  std::string out;
  for (const Requirement& requirement : requirements_) {
    if (!out.empty()) out += ',';
    switch (requirement.op) {
      case Op::kExists:
        out += requirement.key;
        break;
      case Op::kDoesNotExist:
        out += '!' + requirement.key;
        break;
      case Op::kGreaterThan:
        out += requirement.key + '>' + requirement.values[0];
        break;
      case Op::kLessThan:
        out += requirement.key + '<' + requirement.values[0];
        break;
      default: {
        bool in = requirement.op == Op::kIn;
        if (requirement.values.size() == 1) {
          out += requirement.key + (in ? "=" : "!=") + requirement.values[0];
        } else {
          out += fmt::format("{} {} ({})", requirement.key, in ? "in" : "notin", fmt::join(requirement.values, ","));
        }
      }
    }
  }
  return out;
}

}  // namespace sampan::api
