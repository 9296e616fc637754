#include "codec/patch.h"

#include <charconv>
#include <unordered_set>

namespace sampan::json {
namespace {

// What kube-apiserver answers to a patch that cannot be applied; the cause follows it.
constexpr std::string_view kRejected = "the server rejected our request due to an error in our request";

// Steps of work (elements moved or looked at) that one patch may cost beyond its own size: shifting the front of a huge
// array ten thousand times must not hold a core.
constexpr size_t kMaxWork = 20'000'000;

using Tokens = std::vector<std::string>;

struct Operation {
  enum class Kind : unsigned char { kAdd, kRemove, kReplace, kMove, kCopy, kTest };
  Kind kind;
  std::string text;  // the pointer as written
  Tokens path;
  Tokens from;
  const Value* value = nullptr;
};

Error Malformed(size_t index, std::string_view what) {
  return Error::BadRequest("error decoding patch: operation {}: {}", index, what);
}

Error Rejected(const Operation& operation, std::string_view what) {
  return Error::Invalid("{}: {}: {}", kRejected, operation.text, what);
}

std::optional<Tokens> ParsePointer(std::string_view text) {
  Tokens tokens;
  if (text.empty()) return tokens;
  if (text[0] != '/') return std::nullopt;
  tokens.emplace_back();
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '/') {
      tokens.emplace_back();
    } else if (text[i] == '~') {
      if (++i == text.size() || (text[i] != '0' && text[i] != '1')) return std::nullopt;
      tokens.back() += text[i] == '0' ? '~' : '/';
    } else {
      tokens.back() += text[i];
    }
  }
  return tokens;
}

std::optional<Operation::Kind> ParseKind(std::string_view op) {
  using Kind = Operation::Kind;
  static constexpr std::pair<std::string_view, Kind> kKinds[] = {{"add", Kind::kAdd},         {"remove", Kind::kRemove},
                                                                 {"replace", Kind::kReplace}, {"move", Kind::kMove},
                                                                 {"copy", Kind::kCopy},       {"test", Kind::kTest}};
  for (const auto& [name, kind] : kKinds) {
    if (name == op) return kind;
  }
  return std::nullopt;
}

Result<Operation> ParseOperation(const Value& item, size_t index) {
  if (!item.is_object()) return Fail(Malformed(index, "not an object"));
  auto kind = ParseKind(FindString(Find(item, "op")));
  if (!kind) return Fail(Malformed(index, "op must be one of add, remove, replace, move, copy, test"));
  const Value* path = Find(item, "path");
  if (path == nullptr || !path->is_string()) return Fail(Malformed(index, "path must be a string"));
  Operation operation{.kind = *kind, .text = std::string(path->get_string())};
  auto tokens = ParsePointer(operation.text);
  if (!tokens) return Fail(Malformed(index, "path is no JSON pointer"));
  operation.path = std::move(*tokens);
  if (*kind == Operation::Kind::kMove || *kind == Operation::Kind::kCopy) {
    const Value* from = Find(item, "from");
    if (from == nullptr || !from->is_string()) return Fail(Malformed(index, "from must be a string"));
    auto from_tokens = ParsePointer(from->get_string());
    if (!from_tokens) return Fail(Malformed(index, "from is no JSON pointer"));
    operation.from = std::move(*from_tokens);
  } else if (*kind != Operation::Kind::kRemove) {
    operation.value = item.get_object().if_contains("value");
    if (operation.value == nullptr) return Fail(Malformed(index, "value is missing"));
  }
  return operation;
}

// An array index without sign or leading zeros.
std::optional<size_t> ParseIndex(std::string_view token) {
  size_t index = 0;
  auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || end != token.data() + token.size() || (token.size() > 1 && token[0] == '0')) return {};
  return index;
}

class Patcher {
 public:
  Patcher(Value& document, const PatchLimits& limits) : document_(document), limits_(limits) {}

  Result<void> Apply(const Operation& operation) {
    if (operation.path.size() > limits_.max_depth) return Fail(Rejected(operation, "the path is too deep"));
    switch (operation.kind) {
      case Operation::Kind::kTest:
        return Test(operation);
      case Operation::Kind::kRemove: {
        Value removed;
        return Take(operation, operation.path, removed);
      }
      case Operation::Kind::kReplace:
        return Replace(operation);
      case Operation::Kind::kAdd:
        return Add(operation, Value(*operation.value, document_.storage()));
      case Operation::Kind::kMove:
        return Move(operation);
      case Operation::Kind::kCopy:
        return Copy(operation);
    }
    return {};
  }

 private:
  Value* Walk(std::span<const std::string> path) {
    Value* at = &document_;
    for (const std::string& token : path) {
      if (Object* object = at->if_object()) {
        at = object->if_contains(token);
      } else if (Array* array = at->if_array()) {
        auto index = ParseIndex(token);
        at = index && *index < array->size() ? &(*array)[*index] : nullptr;
      } else {
        at = nullptr;
      }
      if (at == nullptr) return nullptr;
    }
    return at;
  }

  Result<void> Spend(size_t steps) {
    work_ += steps;
    if (work_ > kMaxWork) return Fail(Error::RequestEntityTooLarge("the JSON patch costs too much work"));
    return {};
  }

  // Depth below `value`, its cost charged; the values are never deeper than the limit, so recursion is bounded.
  size_t Depth(const Value& value) {
    ++work_;
    size_t deepest = 0;
    if (const Object* object = value.if_object()) {
      for (const auto& member : *object) deepest = std::max(deepest, Depth(member.value()));
    } else if (const Array* array = value.if_array()) {
      for (const Value& element : *array) deepest = std::max(deepest, Depth(element));
    } else {
      return 0;
    }
    return deepest + 1;
  }

  Result<void> Fits(const Operation& operation, const Value& value) {
    if (operation.path.size() + Depth(value) > limits_.max_depth) {
      return Fail(Rejected(operation, "the result is nested too deep"));
    }
    return Spend(0);
  }

  Result<void> Test(const Operation& operation) {
    const Value* at = Walk(operation.path);
    // An absent field equals null, as the library that kube-apiserver uses has it.
    bool equal = at == nullptr ? operation.value->is_null() : Equal(*at, *operation.value);
    if (!equal) return Fail(Rejected(operation, "testing value failed"));
    return {};
  }

  Result<void> Replace(const Operation& operation) {
    Value* at = Walk(operation.path);
    if (at == nullptr) return Fail(Rejected(operation, "replace operation does not apply: the path is missing"));
    TRY_VOID(Fits(operation, *operation.value));
    *at = *operation.value;
    return {};
  }

  Result<void> Add(const Operation& operation, Value value) {
    TRY_VOID(Fits(operation, value));
    if (operation.path.empty()) {
      document_ = std::move(value);
      return {};
    }
    Value* parent = Walk(std::span(operation.path).first(operation.path.size() - 1));
    const std::string& token = operation.path.back();
    if (parent != nullptr && parent->is_object()) {
      parent->get_object().insert_or_assign(token, std::move(value));
      return {};
    }
    if (parent == nullptr || !parent->is_array()) {
      return Fail(Rejected(operation, "add operation does not apply: the parent is missing"));
    }
    Array& array = parent->get_array();
    auto index = token == "-" ? array.size() : ParseIndex(token);
    if (!index || *index > array.size()) return Fail(Rejected(operation, "invalid index referenced"));
    TRY_VOID(Spend(array.size() - *index));
    array.insert(array.begin() + static_cast<ptrdiff_t>(*index), std::move(value));
    return {};
  }

  // Moves the value at `path` out of the document.
  Result<void> Take(const Operation& operation, const Tokens& path, Value& taken) {
    if (path.empty()) return Fail(Rejected(operation, "the whole document cannot be removed"));
    Value* parent = Walk(std::span(path).first(path.size() - 1));
    const std::string& token = path.back();
    if (Object* object = parent == nullptr ? nullptr : parent->if_object()) {
      auto it = object->find(token);
      if (it == object->end()) return Fail(Rejected(operation, "the path to remove is missing"));
      TRY_VOID(Spend(object->size()));
      taken = std::move(it->value());
      object->stable_erase(it);
      return {};
    }
    Array* array = parent == nullptr ? nullptr : parent->if_array();
    auto index = ParseIndex(token);
    if (array == nullptr || !index || *index >= array->size()) {
      return Fail(Rejected(operation, "the path to remove is missing"));
    }
    TRY_VOID(Spend(array->size() - *index));
    taken = std::move((*array)[*index]);
    array->erase(array->begin() + static_cast<ptrdiff_t>(*index));
    return {};
  }

  Result<void> Move(const Operation& operation) {
    if (operation.from == operation.path) {
      if (Walk(operation.from) == nullptr) return Fail(Rejected(operation, "the path to move is missing"));
      return {};
    }
    if (std::ranges::mismatch(operation.from, operation.path).in1 == operation.from.end()) {
      return Fail(Rejected(operation, "a value cannot move into itself"));
    }
    Value taken(document_.storage());
    TRY_VOID(Take(operation, operation.from, taken));
    return Add(operation, std::move(taken));
  }

  Result<void> Copy(const Operation& operation) {
    const Value* from = Walk(operation.from);
    if (from == nullptr) return Fail(Rejected(operation, "the path to copy is missing"));
    copied_ += Serialize(*from).size();
    if (copied_ > limits_.max_copied_bytes) {
      return Fail(Error::RequestEntityTooLarge("the copy operations of the JSON patch add more than {} bytes",
                                               limits_.max_copied_bytes));
    }
    return Add(operation, Value(*from, document_.storage()));
  }

  Value& document_;
  const PatchLimits& limits_;
  size_t work_ = 0;
  size_t copied_ = 0;
};

}  // namespace

Result<void> ApplyJsonPatch(Value& document, const Value& patch, const PatchLimits& limits) {
  const Array* items = patch.if_array();
  if (items == nullptr) return Fail(Error::BadRequest("error decoding patch: a JSON patch is a list of operations"));
  if (items->size() > limits.max_operations) {
    return Fail(Error::RequestEntityTooLarge("The allowed maximum operations in a JSON patch is {}, got {}",
                                             limits.max_operations, items->size()));
  }
  std::vector<Operation> operations;
  operations.reserve(items->size());
  for (const Value& item : *items) {
    TRY(Operation operation, ParseOperation(item, operations.size()));
    operations.push_back(std::move(operation));
  }
  Patcher patcher(document, limits);
  for (const Operation& operation : operations) TRY_VOID(patcher.Apply(operation));
  return {};
}

void EraseMembers(Object& object, std::span<const std::string_view> keys) {
  if (keys.size() <= 4) {
    for (std::string_view key : keys) {
      auto it = object.find(key);
      if (it != object.end()) object.stable_erase(it);
    }
    return;
  }
  std::unordered_set<std::string_view> doomed(keys.begin(), keys.end());
  Object kept(object.storage());
  for (auto& member : object) {
    if (!doomed.contains(member.key())) kept.emplace(member.key(), std::move(member.value()));
  }
  object = std::move(kept);
}

void ApplyMergePatch(Value& document, const Value& patch) {
  const Object* changes = patch.if_object();
  if (changes == nullptr) {
    document = patch;
    return;
  }
  if (!document.is_object()) document.emplace_object();
  Object& object = document.get_object();
  std::vector<std::string_view> removed;
  for (const auto& member : *changes) {
    if (member.value().is_null()) {
      removed.push_back(member.key());
    } else {
      ApplyMergePatch(object[member.key()], member.value());
    }
  }
  EraseMembers(object, removed);
}

}  // namespace sampan::json
