#include "codec/yaml.h"

#include <unordered_map>

#include "codec/utf8.h"
#include "codec/yaml_reader.h"
#include "codec/yaml_scalar.h"

namespace sampan::yaml {
namespace {

// Aliases may make a document larger than its text, but not without bound.
constexpr size_t kMaxExpansion = 4;

// YAML knows no control characters but tab and line ends.
bool HasControls(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  });
}

std::unexpected<Error> Fault(size_t line, std::string_view what) {
  return Fail(Error::BadRequest("error converting YAML to JSON: yaml: line {}: {}", line, what));
}

// As a key a scalar is its text; numbers and booleans are written their canonical way.
std::string KeyOf(const json::Value& scalar) {
  return scalar.is_string() ? std::string(scalar.get_string()) : json::Serialize(scalar);
}

// Builds one JSON value from the reader's events.
class Builder {
 public:
  explicit Builder(const ParseOptions& options) : options_(options) {}

  Result<void> Take(Event event) {
    switch (event.kind) {
      case Event::Kind::kDocumentStart:
        anchors_.clear();
        return {};
      case Event::Kind::kScalar:
        return Scalar(std::move(event));
      case Event::Kind::kAlias:
        return Alias(event);
      case Event::Kind::kSequenceStart:
        return Open(std::move(event), json::Array());
      case Event::Kind::kMapStart:
        return Open(std::move(event), json::Object());
      case Event::Kind::kSequenceEnd:
      case Event::Kind::kMapEnd:
        return Close();
      default:
        return {};
    }
  }
  json::Value TakeDocument() { return std::exchange(document_, json::Value()); }

 private:
  struct Size {
    size_t values = 0;
    size_t bytes = 0;
    size_t depth = 0;
    void Add(const Size& below) {
      values += below.values;
      bytes += below.bytes;
      depth = std::max(depth, below.depth + 1);
    }
  };
  struct Anchored {
    json::Value value;
    Size size;
  };
  struct Frame {
    json::Value value;
    Size size;
    size_t line = 0;
    std::string anchor;
    std::optional<std::string> key;  // of a map, read and waiting for its value
    bool merge = false;              // the key is `<<`
    std::vector<json::Value> merged;
  };

  Result<void> Scalar(Event event) {
    auto value = ResolveScalar(event.tag, event.text);
    if (!value) return Fault(event.line, value.error().message());
    if (value->is_string() && !utf8::IsValid(value->get_string())) return Fault(event.line, "!!binary value is no text");
    std::string key = AwaitsKey() ? KeyOf(*value) : std::string();
    const bool merge = event.tag == "?" && event.text == "<<";
    return Add(event, {std::move(*value), {.values = 1, .bytes = event.text.size()}}, std::move(key), merge);
  }

  Result<void> Alias(const Event& event) {
    auto it = anchors_.find(event.anchor);
    if (it == anchors_.end()) return Fault(event.line, fmt::format("unknown anchor '{}' referenced", event.anchor));
    const Anchored& anchored = it->second;
    if (frames_.size() + anchored.size.depth > options_.max_depth) return Fault(event.line, "exceeded max depth");
    if (AwaitsKey() && anchored.value.is_structured()) return Fault(event.line, "a map or a list cannot be a key");
    TRY_VOID(Spend(event.line, anchored.size));
    Event use{.line = event.line};
    return Add(use, {anchored.value, anchored.size}, AwaitsKey() ? KeyOf(anchored.value) : std::string(), false);
  }

  Result<void> Spend(size_t line, const Size& size) {
    total_.values += size.values;
    total_.bytes += size.bytes;
    if (total_.values > options_.max_values || total_.bytes > options_.max_bytes * kMaxExpansion) {
      return Fault(line, "document contains excessive aliasing");
    }
    return {};
  }

  // What an anchor names is kept for its aliases: a copy, and paid for as one use.
  Result<void> Keep(size_t line, const std::string& anchor, const json::Value& value, const Size& size) {
    if (anchor.empty()) return {};
    TRY_VOID(Spend(line, size));
    anchors_[anchor] = {value, size};
    return {};
  }

  Result<void> Open(Event event, json::Value value) {
    if (frames_.size() >= options_.max_depth) return Fault(event.line, "exceeded max depth");
    if (AwaitsKey()) return Fault(event.line, "a map or a list cannot be a key");
    TRY_VOID(Spend(event.line, {.values = 1}));
    frames_.push_back(
        {.value = std::move(value), .size = {.values = 1}, .line = event.line, .anchor = std::move(event.anchor)});
    return {};
  }

  Result<void> Close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    // Explicit keys win over merged ones, earlier merged ones over later.
    for (json::Value& merged : frame.merged) {
      for (auto& member : merged.get_object()) {
        if (!frame.value.get_object().contains(member.key())) {
          frame.value.get_object().emplace(member.key(), std::move(member.value()));
        }
      }
    }
    TRY_VOID(Keep(frame.line, frame.anchor, frame.value, frame.size));
    return Place(frame.line, std::move(frame.value), frame.size);
  }

  bool AwaitsKey() const { return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key; }

  // A value without members of its own events: a key or a value of the frame. `key` is its text as a key.
  Result<void> Add(const Event& event, Anchored added, std::string key, bool merge) {
    TRY_VOID(Spend(event.line, {.values = 1, .bytes = event.text.size()}));
    TRY_VOID(Keep(event.line, event.anchor, added.value, added.size));
    if (!AwaitsKey()) return Place(event.line, std::move(added.value), added.size);
    Frame& frame = frames_.back();
    frame.merge = merge;
    if (!merge && frame.value.get_object().contains(key)) TRY_VOID(Duplicate(event.line, key));
    frame.key = std::move(key);
    return {};
  }

  Result<void> Duplicate(size_t line, const std::string& key) {
    std::string quoted;
    json::AppendQuoted(key, quoted);
    if (options_.duplicates == nullptr) return Fault(line, fmt::format("key {} already set in map", quoted));
    if (options_.duplicates->size() >= json::kMaxDuplicates) return {};
    std::string path;
    for (const Frame& frame : frames_) {
      if (&frame == &frames_.back()) break;
      if (frame.value.is_array()) {
        path += fmt::format("[{}]", frame.value.get_array().size());
      } else {
        path += fmt::format("{}{}", path.empty() ? "" : ".", frame.key.value_or(""));
      }
    }
    options_.duplicates->push_back(fmt::format("{}{}{}", path, path.empty() ? "" : ".", key));
    return {};
  }

  Result<void> Place(size_t line, json::Value value, const Size& size) {
    if (frames_.empty()) {
      document_ = std::move(value);
      return {};
    }
    Frame& frame = frames_.back();
    frame.size.Add(size);
    if (frame.value.is_array()) {
      frame.value.get_array().push_back(std::move(value));
      return {};
    }
    if (frame.merge) {
      TRY_VOID(Merge(line, frame, std::move(value)));
    } else {
      frame.value.get_object().insert_or_assign(*frame.key, std::move(value));
    }
    frame.key.reset();
    frame.merge = false;
    return {};
  }

  static Result<void> Merge(size_t line, Frame& frame, json::Value value) {
    constexpr std::string_view kWrong = "map merge requires map or sequence of maps as the value";
    if (value.is_object()) {
      frame.merged.push_back(std::move(value));
      return {};
    }
    if (!value.is_array()) return Fault(line, kWrong);
    for (json::Value& element : value.get_array()) {
      if (!element.is_object()) return Fault(line, kWrong);
      frame.merged.push_back(std::move(element));
    }
    return {};
  }

  const ParseOptions& options_;
  json::Value document_;
  std::vector<Frame> frames_;
  std::unordered_map<std::string, Anchored> anchors_;
  Size total_;
};

enum class Documents : unsigned char { kFirst, kAll };

Result<std::vector<json::Value>> Run(std::string_view text, const ParseOptions& options, Documents wanted) {
  if (text.size() > options.max_bytes) {
    return Fail(Error::RequestEntityTooLarge("the YAML text is longer than {} bytes", options.max_bytes));
  }
  if (HasControls(text)) {
    return Fail(Error::BadRequest("error converting YAML to JSON: yaml: control characters are not allowed"));
  }
  if (!utf8::IsValid(text)) return Fail(Error::BadRequest("error converting YAML to JSON: yaml: invalid UTF-8"));
  std::vector<json::Value> documents;
  Reader reader(text);
  Builder builder(options);
  while (true) {
    TRY(Event event, reader.Next());
    if (event.kind == Event::Kind::kStreamEnd) return documents;
    const bool end = event.kind == Event::Kind::kDocumentEnd;
    TRY_VOID(builder.Take(std::move(event)));
    if (!end) continue;
    json::Value document = builder.TakeDocument();
    if (wanted == Documents::kFirst || !document.is_null()) documents.push_back(std::move(document));
    if (wanted == Documents::kFirst) return documents;
  }
}

}  // namespace

Result<json::Value> Parse(std::string_view text, const ParseOptions& options) {
  TRY(auto documents, Run(text, options, Documents::kFirst));
  if (documents.empty()) return json::Value();
  return std::move(documents.front());
}

Result<std::vector<json::Value>> ParseAll(std::string_view text, const ParseOptions& options) {
  return Run(text, options, Documents::kAll);
}

}  // namespace sampan::yaml
