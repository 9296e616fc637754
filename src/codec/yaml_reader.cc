#include "codec/yaml_reader.h"

#include <algorithm>

namespace sampan::yaml {
namespace {

constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}
bool IsFlowIndicator(char c) {
  return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
}

}  // namespace

Reader::Reader(std::string_view text) : text_(text) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = line_start_ = 3;
}

Result<Event> Reader::Next() {
  while (queue_.empty()) TRY_VOID(Step());
  Event event = std::move(queue_.front());
  queue_.pop_front();
  return event;
}

Result<void> Reader::Step() {
  if (stage_ == Stage::kDone) {
    Put(Event::Kind::kStreamEnd);
    return {};
  }
  if (stage_ == Stage::kBefore) return BeginDocument();
  if (stage_ == Stage::kRoot) {
    stage_ = Stage::kInside;
    return BlockNode(-1, Allowed::kCollection, false);
  }
  if (levels_.empty()) return EndDocument();
  Level& level = levels_.back();
  switch (level.kind) {
    case Kind::kBlockSequence:
      return StepBlockSequence(level);
    case Kind::kBlockMap:
      return StepBlockMap(level);
    case Kind::kFlowSequence:
      return StepFlowSequence(level);
    case Kind::kFlowMap:
    case Kind::kFlowPair:
      return StepFlowMap(level);
  }
  return {};
}

// ----------------------------------------------------------------------------------------------------------- documents

Result<void> Reader::BeginDocument() {
  handles_.clear();
  bool directives = false;
  while (true) {
    TRY_VOID(SkipToContent());
    if (AtEnd()) {
      if (directives) return Fault("did not find expected <document start>");
      stage_ = Stage::kDone;
      return {};
    }
    if (Peek() == '%' && Column() == 0) {
      directives = true;
      TRY_VOID(Directive());
    } else if (AtMarker() && Peek() == '.') {
      at_ += 3;
      TRY_VOID(ExpectLineEnd());
    } else {
      break;
    }
  }
  const bool marked = AtMarker();
  if (directives && !marked) return Fault("did not find expected <document start>");
  if (marked) {
    at_ += 3;
    line_fresh_ = false;
  }
  Put(Event::Kind::kDocumentStart);
  stage_ = Stage::kRoot;
  return {};
}

Result<void> Reader::EndDocument() {
  TRY_VOID(SkipToContent());
  if (!AtEnd() && !AtMarker()) return Fault("did not find expected <document start>");
  Put(Event::Kind::kDocumentEnd);
  stage_ = Stage::kBefore;
  return {};
}

Result<void> Reader::Directive() {
  const size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
  std::string_view line = text_.substr(at_, end - at_);
  if (line.starts_with("%TAG ")) {
    line.remove_prefix(5);
    const size_t space = line.find(' ');
    std::string_view prefix = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    prefix = prefix.substr(0, prefix.find(' '));
    if (prefix.empty()) return Fault("did not find a tag prefix");
    handles_[std::string(line.substr(0, space))] = prefix;
  } else if (!line.starts_with("%YAML ")) {
    return Fault("found unknown directive name");
  }
  at_ = end;
  return {};
}

// --------------------------------------------------------------------------------------------------- block collections

Result<void> Reader::StepBlockSequence(Level& level) {
  TRY_VOID(SkipToContent());
  const bool over = AtEnd() || AtMarker();
  if (!over && line_fresh_ && Column() == level.indent && IsIndicator('-')) {
    ++at_;
    line_fresh_ = false;
    return BlockNode(level.indent, Allowed::kCollection, false);
  }
  const bool ends = over || Column() < level.indent || (level.flush && Column() == level.indent);
  if (!ends || (!over && !line_fresh_)) return Fault("did not find expected '-' indicator");
  levels_.pop_back();
  Put(Event::Kind::kSequenceEnd);
  return {};
}

Result<void> Reader::StepBlockMap(Level& level) {
  if (level.state == State::kValue) {
    level.state = State::kKey;
    return BlockNode(level.indent, Allowed::kScalar, true);
  }
  TRY_VOID(SkipToContent());
  const bool over = AtEnd() || AtMarker() || Column() < level.indent;
  const bool here = !over && line_fresh_ && Column() == level.indent;
  if (level.state == State::kColon) {  // of an explicit key
    level.state = State::kKey;
    if (!here || !IsIndicator(':')) {
      PutNull({});
      return {};
    }
    ++at_;
    line_fresh_ = false;
    return BlockNode(level.indent, Allowed::kCollection, false);
  }
  if (here) return BlockKey(level);
  if (!over || (!AtEnd() && !AtMarker() && !line_fresh_)) return Fault("did not find expected key");
  levels_.pop_back();
  Put(Event::Kind::kMapEnd);
  return {};
}

Result<void> Reader::BlockKey(Level& level) {
  if (IsIndicator('?')) {
    ++at_;
    line_fresh_ = false;
    level.state = State::kColon;
    return BlockNode(level.indent, Allowed::kCollection, false);
  }
  if (IsIndicator('-')) return Fault("did not find expected key");
  const size_t line = line_;
  const size_t begin = at_;
  TRY(Properties properties, ReadProperties());
  const char c = Peek();
  if (c == '[' || c == '{') return Fault("a map or a list cannot be a key");
  if (AtBreak() || AtEnd() || c == '|' || c == '>') return Fault("could not find expected ':'");
  const bool quoted = c == '"' || c == '\'';
  TRY(Event key, ReadScalar(std::move(properties), level.indent));
  if (line_ != line || at_ - begin > kMaxSimpleKey || !EndsKey(quoted)) return Fault("could not find expected ':'");
  ++at_;
  level.state = State::kValue;
  queue_.push_back(std::move(key));
  return {};
}

// A node whose block is indented by more than `indent`. The place is behind the indicator that asks for it.
Result<void> Reader::BlockNode(long indent, Allowed allowed, bool flush_allowed) {
  Properties outer;  // on a line above the node
  Properties own;
  while (true) {
    const bool fresh_before = line_fresh_;
    const size_t line = line_;
    TRY_VOID(SkipToContent());
    if (line_ != line || fresh_before) {
      allowed = Allowed::kCollection;
      if (own.Any()) {
        if (outer.Any()) return Fault("a node has properties twice");
        outer = std::exchange(own, {});
      }
    }
    const bool dash = IsIndicator('-');
    const bool flush = flush_allowed && line_fresh_ && dash && Column() == indent;
    if (AtEnd() || AtMarker() || (line_fresh_ && Column() <= indent && !flush)) {
      PutNull(outer.Any() ? std::move(outer) : std::move(own));
      return {};
    }
    const char c = Peek();
    if ((c == '&' || c == '!') && !own.Any()) {
      const long column = Column();
      const bool fresh = line_fresh_;
      TRY(own, ReadProperties());
      SkipBlanks();
      if (AtBreak() || AtEnd() || Peek() == '#') continue;
      line_fresh_ = fresh;
      return BlockContent(indent, allowed, std::move(outer), std::move(own), column);
    }
    if (flush) {
      levels_.push_back({Kind::kBlockSequence, State::kEntry, indent, true});
      Put(Event::Kind::kSequenceStart, std::move(outer));
      return {};
    }
    return BlockContent(indent, allowed, std::move(outer), std::move(own), Column());
  }
}

// `column` is where the node or its own properties begin.
Result<void> Reader::BlockContent(long indent, Allowed allowed, Properties outer, Properties own, long column) {
  const bool collection = allowed == Allowed::kCollection;
  const char c = Peek();
  const bool sequence = IsIndicator('-');
  if (sequence || IsIndicator('?')) {
    if (!collection || own.Any()) {
      return Fault(sequence ? "block sequence entries are not allowed in this context"
                            : "mapping keys are not allowed in this context");
    }
    levels_.push_back({sequence ? Kind::kBlockSequence : Kind::kBlockMap, sequence ? State::kEntry : State::kKey, column});
    line_fresh_ = true;  // its first entry stands where a line's would
    Put(sequence ? Event::Kind::kSequenceStart : Event::Kind::kMapStart, std::move(outer));
    return {};
  }
  if (IsIndicator(':')) return Fault("mapping values are not allowed in this context");
  if (own.Any() && outer.Any() && (c == '[' || c == '{' || c == '|' || c == '>')) {
    return Fault("a node has properties twice");
  }
  Properties& properties = own.Any() ? own : outer;
  if (c == '[' || c == '{') {
    line_fresh_ = false;
    EnterFlow(std::move(properties), indent);
    return {};
  }
  if (c == '|' || c == '>') {
    TRY(std::string text, BlockScalar(indent));
    if (properties.tag.empty()) properties.tag = "!";
    Put(Event::Kind::kScalar, std::move(properties), std::move(text));
    return {};
  }
  const size_t line = line_;
  const size_t begin = at_;
  const bool quoted = c == '"' || c == '\'';
  TRY(Event scalar, ReadScalar(own.Any() ? own : Properties{}, indent));
  if (line_ == line && at_ - begin <= kMaxSimpleKey && EndsKey(quoted)) {
    if (!collection) return Fault("mapping values are not allowed in this context");
    ++at_;
    levels_.push_back({Kind::kBlockMap, State::kValue, column});
    Put(Event::Kind::kMapStart, std::move(outer));
    queue_.push_back(std::move(scalar));
    return {};
  }
  if (outer.Any()) {
    if (own.Any() || scalar.kind == Event::Kind::kAlias) return Fault("a node has properties twice");
    if (!outer.tag.empty()) scalar.tag = std::move(outer.tag);
    scalar.anchor = std::move(outer.anchor);
  }
  queue_.push_back(std::move(scalar));
  return ExpectLineEnd();
}

// ------------------------------------------------------------------------------------------------------------ the place

bool Reader::BlankAt(size_t ahead) const {
  if (at_ + ahead >= text_.size()) return true;
  const char c = text_[at_ + ahead];
  return IsBlank(c) || c == '\n' || c == '\r';
}

bool Reader::AtMarker() const {
  if (Column() != 0) return false;
  const std::string_view rest = text_.substr(at_, 3);
  return (rest == "---" || rest == "...") && BlankAt(3);
}

bool Reader::InFlow() const {
  return !levels_.empty() && levels_.back().kind >= Kind::kFlowSequence;
}

void Reader::TakeBreak() {
  at_ += text_.substr(at_).starts_with("\r\n") ? 2 : 1;
  line_start_ = at_;
  ++line_;
}

void Reader::SkipBlanks() {
  while (IsBlank(Peek())) ++at_;
}

Result<void> Reader::SkipToContent() {
  bool tab = false;
  while (true) {
    while (IsBlank(Peek())) {
      tab |= line_fresh_ && Peek() == '\t';
      ++at_;
    }
    if (Peek() == '#') {
      at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
    }
    if (AtEnd()) return {};
    if (!AtBreak()) break;
    TakeBreak();
    line_fresh_ = true;
    tab = false;
  }
  if (tab && !InFlow()) return Fault("found character that cannot start any token");
  return {};
}

Result<void> Reader::ExpectLineEnd() {
  line_fresh_ = false;
  SkipBlanks();
  if (AtEnd() || AtBreak() || Peek() == '#') return {};
  if (AtMarker()) return {};  // behind a block scalar
  return Fault(Peek() == ':' ? "mapping values are not allowed in this context" : "did not find expected end of the line");
}

bool Reader::EndsKey(bool quoted) {
  SkipBlanks();
  if (Peek() != ':') return false;
  return BlankAt(1) || (InFlow() && (quoted || IsFlowIndicator(Peek(1))));
}

std::unexpected<Error> Reader::Fault(std::string_view what) const {
  return Fail(Error::BadRequest("error converting YAML to JSON: yaml: line {}: {}", line_, what));
}

void Reader::Put(Event::Kind kind, Properties properties, std::string text) {
  queue_.push_back({kind, line_, std::move(properties.tag), std::move(properties.anchor), std::move(text)});
}

void Reader::PutNull(Properties properties) {
  if (properties.tag.empty()) properties.tag = "?";
  Put(Event::Kind::kScalar, std::move(properties));
}

// ----------------------------------------------------------------------------------------------------------- properties

std::string Reader::ReadName() {
  const size_t begin = at_;
  while (!BlankAt(0) && !IsFlowIndicator(Peek())) ++at_;
  return std::string(text_.substr(begin, at_ - begin));
}

Result<Reader::Properties> Reader::ReadProperties() {
  Properties properties;
  while (Peek() == '&' || Peek() == '!') {
    if (Peek() == '&') {
      ++at_;
      if (!properties.anchor.empty()) return Fault("a node has two anchors");
      properties.anchor = ReadName();
      if (properties.anchor.empty()) return Fault("did not find expected alphabetic or numeric character");
    } else {
      if (!properties.tag.empty()) return Fault("a node has two tags");
      TRY(properties.tag, ReadTag());
    }
    if (!BlankAt(0) && !InFlow()) return Fault("did not find expected whitespace or line break");
    SkipBlanks();
  }
  return properties;
}

Result<std::string> Reader::ReadTag() {
  if (Peek(1) == '<') {
    const size_t end = text_.find_first_of(">\r\n", at_);
    if (end == std::string_view::npos || text_[end] != '>') return Fault("did not find the expected '>'");
    std::string tag(text_.substr(at_ + 2, end - at_ - 2));
    at_ = end + 1;
    return tag;
  }
  const std::string name = ReadName();
  if (name == "!") return std::string("!");
  const size_t second = name.find('!', 1);
  const std::string handle = second == std::string::npos ? "!" : name.substr(0, second + 1);
  const std::string suffix = name.substr(handle.size());
  if (auto known = handles_.find(handle); known != handles_.end()) return known->second + suffix;
  if (handle == "!!") return std::string(kCoreTag) + suffix;
  if (handle == "!") return name;
  return Fault("found undefined tag handle");
}

}  // namespace sampan::yaml
