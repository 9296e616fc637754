#include "codec/yaml.h"

#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "codec/utf8.h"
#include "codec/yaml_scalar.h"

namespace sampan::yaml {
namespace {

// Aliases may make a document larger than its text, but not without bound.
constexpr size_t kMaxExpansion = 4;

// YAML knows no control characters but tab and line ends. (NUL bytes would also make the parser guess at UTF-16.)
bool HasControls(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  });
}

// The parser yields the escapes \N and \_ as the single bytes 0x85 and 0xA0; here they become UTF-8. (The text itself is
// valid, so a byte that continues nothing can come from nowhere else.)
std::string RepairEscapes(std::string text) {
  if (utf8::IsValid(text)) return text;
  std::string repaired;
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (lead >= 0x80 && lead < 0xC0) {
      repaired += '\xC2';
      length = 1;
    }
    repaired.append(text, i, length);
    i += length;
  }
  return repaired;
}

// Ends the parse from within an event; caught in ParseAll.
struct Stop {
  Error error;
};

[[noreturn]] void Fault(const YAML::Mark& mark, std::string_view what) {
  throw Stop{Error::BadRequest("error converting YAML to JSON: yaml: line {}: {}", mark.line + 1, what)};
}

// Builds one JSON value from the parser's events.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(const ParseOptions& options) : options_(options) {}

  std::optional<json::Value> TakeDocument() { return std::exchange(document_, std::nullopt); }

  void OnDocumentStart(const YAML::Mark&) override {
    anchors_.clear();
    frames_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Add(mark, anchor, nullptr, {.values = 1}, "null"); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& raw) override {
    std::string text = RepairEscapes(raw);
    auto value = ResolveScalar(tag, text);
    if (!value) Fault(mark, value.error().message());
    // As a key a scalar is its text; numbers and booleans are written their canonical way.
    std::string key = value->is_string() ? std::string(value->get_string()) : json::Serialize(*value);
    Add(mark, anchor, std::move(*value), {.values = 1, .bytes = text.size()}, std::move(key), tag == "?" && text == "<<");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto it = anchors_.find(anchor);
    if (it == anchors_.end()) Fault(mark, "an anchor contains itself");
    const Anchored& anchored = it->second;
    if (frames_.size() + anchored.size.depth > options_.max_depth) Fault(mark, "exceeded max depth");
    std::optional<std::string> key;
    if (!anchored.value.is_structured()) {
      key = anchored.value.is_string() ? std::string(anchored.value.get_string()) : json::Serialize(anchored.value);
    }
    Add(mark, 0, anchored.value, anchored.size, std::move(key));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor, json::Array());
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(mark, anchor, json::Object());
  }
  void OnMapEnd() override { Close(); }

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
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    std::optional<std::string> key;  // of a map, read and waiting for its value
    bool merge = false;              // the key is `<<`
    std::vector<json::Value> merged;
  };

  void Spend(const YAML::Mark& mark, const Size& size) {
    total_.values += size.values;
    total_.bytes += size.bytes;
    if (total_.values > options_.max_values || total_.bytes > options_.max_bytes * kMaxExpansion) {
      Fault(mark, "document contains excessive aliasing");
    }
  }

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, json::Value value) {
    if (frames_.size() >= options_.max_depth) Fault(mark, "exceeded max depth");
    if (AwaitsKey()) Fault(mark, "a map or a list cannot be a key");
    Spend(mark, {.values = 1});
    frames_.push_back({.value = std::move(value), .size = {.values = 1}, .mark = mark, .anchor = anchor});
  }

  void Close() {
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
    if (frame.anchor != 0) anchors_[frame.anchor] = {frame.value, frame.size};
    Place(frame.mark, std::move(frame.value), frame.size);
  }

  bool AwaitsKey() const { return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key; }

  void Add(const YAML::Mark& mark, YAML::anchor_t anchor, json::Value value, Size size, std::optional<std::string> key,
           bool merge = false) {
    Spend(mark, size);
    if (anchor != 0) anchors_[anchor] = {value, size};
    if (!AwaitsKey()) return Place(mark, std::move(value), size);
    if (!key) Fault(mark, "a map or a list cannot be a key");
    Frame& frame = frames_.back();
    frame.merge = merge;
    if (!merge && frame.value.get_object().contains(*key)) Duplicate(mark, *key);
    frame.key = std::move(key);
  }

  void Duplicate(const YAML::Mark& mark, const std::string& key) {
    std::string quoted;
    json::AppendQuoted(key, quoted);
    if (options_.duplicates == nullptr) Fault(mark, fmt::format("key {} already set in map", quoted));
    if (options_.duplicates->size() >= json::kMaxDuplicates) return;
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
  }

  void Place(const YAML::Mark& mark, json::Value value, const Size& size) {
    if (frames_.empty()) {
      document_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    frame.size.Add(size);
    if (frame.value.is_array()) {
      frame.value.get_array().push_back(std::move(value));
      return;
    }
    if (frame.merge) {
      Merge(mark, frame, std::move(value));
    } else {
      frame.value.get_object().insert_or_assign(*frame.key, std::move(value));
    }
    frame.key.reset();
    frame.merge = false;
  }

  void Merge(const YAML::Mark& mark, Frame& frame, json::Value value) {
    if (value.is_object()) return frame.merged.push_back(std::move(value));
    if (!value.is_array()) Fault(mark, "map merge requires map or sequence of maps as the value");
    for (json::Value& element : value.get_array()) {
      if (!element.is_object()) Fault(mark, "map merge requires map or sequence of maps as the value");
      frame.merged.push_back(std::move(element));
    }
  }

  const ParseOptions& options_;
  std::optional<json::Value> document_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
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
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(options);
    while (parser.HandleNextDocument(builder)) {
      auto document = builder.TakeDocument();
      if (!document) continue;
      if (wanted == Documents::kFirst || !document->is_null()) documents.push_back(std::move(*document));
      if (wanted == Documents::kFirst) break;
    }
  } catch (Stop& stop) {
    return Fail(std::move(stop.error));
  } catch (const YAML::Exception& exception) {
    return Fail(
        Error::BadRequest("error converting YAML to JSON: yaml: line {}: {}", exception.mark.line + 1, exception.msg));
  } catch (const std::exception& exception) {
    return Fail(Error::BadRequest("error converting YAML to JSON: yaml: {}", exception.what()));
  }
  return documents;
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
