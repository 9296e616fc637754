// The collections of YAML that look like JSON: [a, b] and {a: b}.
#include "codec/yaml_reader.h"

namespace sampan::yaml {

Result<void> Reader::StepFlowSequence(Level& level) {
  TRY_VOID(SkipToContent());
  if (AtEnd() || AtMarker()) return Fault("did not find expected ',' or ']'");
  if (Peek() == ']') {
    ++at_;
    levels_.pop_back();
    Put(Event::Kind::kSequenceEnd);
    return InFlow() ? Result<void>() : ExpectLineEnd();
  }
  if (level.state == State::kSeparator) {
    if (Peek() != ',') return Fault("did not find expected ',' or ']'");
    ++at_;
    level.state = State::kEntry;
    return {};
  }
  level.state = State::kSeparator;
  return FlowEntry();
}

void Reader::EnterFlow(Properties properties, long indent) {
  const bool sequence = Peek() == '[';
  ++at_;
  levels_.push_back({sequence ? Kind::kFlowSequence : Kind::kFlowMap, sequence ? State::kEntry : State::kKey, indent});
  Put(sequence ? Event::Kind::kSequenceStart : Event::Kind::kMapStart, std::move(properties));
}

// An element of a flow sequence: a node, or a pair, which is a map of one.
Result<void> Reader::FlowEntry() {
  if (IsIndicator('?')) {
    ++at_;
    levels_.push_back({Kind::kFlowPair, State::kKey, -1});
    Put(Event::Kind::kMapStart);
    return {};
  }
  const size_t line = line_;
  const size_t begin = at_;
  TRY(Properties properties, ReadProperties());
  TRY_VOID(SkipToContent());
  const char c = Peek();
  if (c == '[' || c == '{') {
    EnterFlow(std::move(properties), -1);
    return {};
  }
  if (c == ',' || c == ']') {
    if (!properties.Any()) return Fault("did not find expected node content");
    PutNull(std::move(properties));
    return {};
  }
  const bool quoted = c == '"' || c == '\'';
  TRY(Event scalar, ReadScalar(std::move(properties), -1));
  if (line_ == line && at_ - begin <= kMaxSimpleKey && EndsKey(quoted)) {
    ++at_;
    levels_.push_back({Kind::kFlowPair, State::kValue, -1});
    Put(Event::Kind::kMapStart);
  }
  queue_.push_back(std::move(scalar));
  return {};
}

Result<void> Reader::StepFlowMap(Level& level) {
  const bool pair = level.kind == Kind::kFlowPair;
  TRY_VOID(SkipToContent());
  if (AtEnd() || AtMarker()) return Fault("did not find expected ',' or '}'");
  const char c = Peek();
  const bool closes = c == ',' || c == (pair ? ']' : '}');
  switch (level.state) {
    case State::kKey:
      if (c == '}' && !pair) {
        ++at_;
        levels_.pop_back();
        Put(Event::Kind::kMapEnd);
        return InFlow() ? Result<void>() : ExpectLineEnd();
      }
      level.state = State::kColon;
      if (IsIndicator('?')) {
        ++at_;
        TRY_VOID(SkipToContent());
      }
      if (Peek() != ':') return FlowNode();
      PutNull({});
      return {};
    case State::kColon:
      level.state = State::kValue;
      if (c == ':') {
        ++at_;
        return {};
      }
      if (!closes) return Fault("did not find expected ',' or '}'");
      level.state = pair ? State::kEnd : State::kSeparator;
      PutNull({});
      return {};
    case State::kValue:
      level.state = pair ? State::kEnd : State::kSeparator;
      if (!closes) return FlowNode();
      PutNull({});
      return {};
    case State::kEnd:
      levels_.pop_back();
      Put(Event::Kind::kMapEnd);
      return {};
    default:
      if (c == '}') {
        level.state = State::kKey;
        return {};
      }
      if (c != ',') return Fault("did not find expected ',' or '}'");
      ++at_;
      level.state = State::kKey;
      return {};
  }
}

// A key or a value of a flow map.
Result<void> Reader::FlowNode() {
  TRY(Properties properties, ReadProperties());
  TRY_VOID(SkipToContent());
  const char c = Peek();
  if (c == '[' || c == '{') {
    EnterFlow(std::move(properties), -1);
    return {};
  }
  if (c == ',' || c == '}' || c == ']' || (c == ':' && properties.Any())) {
    if (!properties.Any()) return Fault("did not find expected node content");
    PutNull(std::move(properties));
    return {};
  }
  TRY(Event scalar, ReadScalar(std::move(properties), -1));
  queue_.push_back(std::move(scalar));
  return {};
}

}  // namespace sampan::yaml
