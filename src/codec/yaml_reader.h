// YAML text as events, in one pass forward. Internal to codec/yaml.
//
// Linear in the text whatever it holds, and without recursion: nesting costs an entry of a vector. What the grammar allows
// and JSON cannot show (a map or a list as a key) may be refused here.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sampan::yaml {

struct Event {
  enum class Kind : unsigned char {
    kStreamEnd,
    kDocumentStart,
    kDocumentEnd,
    kScalar,
    kAlias,
    kSequenceStart,
    kSequenceEnd,
    kMapStart,
    kMapEnd,
  };
  Kind kind = Kind::kStreamEnd;
  size_t line = 0;     // counted from 1
  std::string tag;     // "?": a plain scalar whose text decides; "!": a quoted one; else the tag in full
  std::string anchor;  // that names the node; of an alias: that is meant
  std::string text;    // of a scalar
};

class Reader {
 public:
  // As everywhere: a key that needs no question mark is on one line and not longer.
  static constexpr size_t kMaxSimpleKey = 1024;

  // `text` is UTF-8 without control characters and outlives the reader.
  explicit Reader(std::string_view text);

  // BadRequest with the line. After an error or kStreamEnd there is nothing more to ask for.
  Result<Event> Next();

 private:
  enum class Kind : unsigned char { kBlockSequence, kBlockMap, kFlowSequence, kFlowMap, kFlowPair };
  enum class State : unsigned char { kEntry, kKey, kColon, kValue, kSeparator, kEnd };
  struct Level {
    Kind kind;
    State state;
    long indent;         // of a block collection: the column of its entries
    bool flush = false;  // a sequence at the column of the map whose value it is
  };
  enum class Stage : unsigned char { kBefore, kRoot, kInside, kDone };
  // What may stand where a node of a block collection is expected.
  enum class Allowed : unsigned char { kScalar, kCollection };
  struct Properties {
    std::string tag, anchor;
    bool Any() const { return !tag.empty() || !anchor.empty(); }
  };

  // The steps of the machine: each puts at least one event into the queue, or moves the state on.
  Result<void> Step();
  Result<void> BeginDocument();
  Result<void> EndDocument();
  Result<void> StepBlockSequence(Level& level);
  Result<void> StepBlockMap(Level& level);
  Result<void> StepFlowSequence(Level& level);
  Result<void> StepFlowMap(Level& level);
  Result<void> BlockKey(Level& level);
  Result<void> BlockNode(long indent, Allowed allowed, bool flush_allowed);
  Result<void> BlockContent(long indent, Allowed allowed, Properties outer, Properties own, long column);
  void EnterFlow(Properties properties, long indent);  // at its bracket
  Result<void> FlowNode();
  Result<void> FlowEntry();
  Result<void> Directive();

  // Scalars, quoted ones with their quotes.
  Result<std::string> Plain(long indent);
  Result<std::string> SingleQuoted();
  Result<std::string> DoubleQuoted();
  Result<void> Escape(std::string& out);
  Result<std::string> BlockScalar(long indent);
  void FoldLines(std::string& out);
  Result<Properties> ReadProperties();
  Result<std::string> ReadTag();
  std::string ReadName();
  Result<Event> ReadScalar(Properties properties, long indent);

  // The place.
  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool AtBreak() const { return Peek() == '\n' || Peek() == '\r'; }
  bool BlankAt(size_t ahead) const;  // a blank, a line's end or the text's
  bool IsIndicator(char c) const { return Peek() == c && BlankAt(1); }
  bool AtMarker() const;  // --- or ... at the beginning of a line
  bool InFlow() const;
  bool EndsPlain() const;     // the character here cannot belong to a plain scalar
  bool EndsKey(bool quoted);  // skips blanks; whether a colon follows that makes a key of what was read
  long Column() const { return static_cast<long>(at_ - line_start_); }
  void TakeBreak();
  void SkipBlanks();
  Result<void> SkipToContent();  // blanks, comments and line ends
  Result<void> ExpectLineEnd();
  std::unexpected<Error> Fault(std::string_view what) const;
  void Put(Event::Kind kind, Properties properties = {}, std::string text = {});
  void PutNull(Properties properties);

  std::string_view text_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  size_t line_ = 1;
  bool line_fresh_ = true;  // nothing but blanks stands between the line's beginning and the place
  Stage stage_ = Stage::kBefore;
  std::vector<Level> levels_;
  std::deque<Event> queue_;
  std::map<std::string, std::string, std::less<>> handles_;  // of %TAG
};

}  // namespace sampan::yaml
