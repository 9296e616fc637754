#include "dns/corefile.h"

#include <map>

namespace sampan::dns {

namespace {

constexpr size_t kMaxDirectives = 10'000;  // imports may repeat snippets

struct Line {
  size_t number = 0;
  std::vector<std::string> words;
  bool Opens() const { return words.back() == "{"; }
  bool Closes() const { return words.front() == "}"; }
};

// Words are separated by blanks; quotes keep them together; '#' at a word's start begins a comment.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  // The lines that have words.
  std::vector<Line> Lines() {
    std::vector<Line> lines;
    Line line{.number = 1};
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '\n') {
        size_t next = line.number + 1;
        if (!line.words.empty()) lines.push_back(std::move(line));
        line = {.number = next};
        ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        line.words.push_back(c == '"' ? Quoted(line.number) : Plain());
      }
    }
    if (!line.words.empty()) lines.push_back(std::move(line));
    return lines;
  }

 private:
  std::string Plain() {
    size_t end = std::min(text_.find_first_of(" \t\r\n", at_), text_.size());
    std::string word(text_.substr(at_, end - at_));
    at_ = end;
    return word;
  }
  std::string Quoted(size_t& line) {
    std::string word;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == '"') ++at_;
      if (text_[at_] == '\n') ++line;
      word += text_[at_];
    }
    at_ = std::min(at_ + 1, text_.size());
    return word;
  }

  std::string_view text_;
  size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lines_(Words(text).Lines()) {}

  Result<std::vector<ServerBlock>> Blocks() {
    std::vector<ServerBlock> blocks;
    while (at_ < lines_.size()) {
      if (lines_[at_].words.front() == "import") {
        ++at_;
        continue;
      }
      TRY(ServerBlock block, NextBlock());
      const std::string& key = block.keys.front();
      if (key.starts_with('(') && key.ends_with(')')) {
        snippets_[key.substr(1, key.size() - 2)] = std::move(block.directives);
      } else {
        blocks.push_back(std::move(block));
      }
    }
    return blocks;
  }

  // Up to the closing brace of the block, which is consumed, or to the end of the text.
  enum class Until : unsigned char { kBrace, kEnd };
  Result<std::vector<Directive>> Directives(Until until) {
    std::vector<Directive> directives;
    while (at_ < lines_.size()) {
      Line& line = lines_[at_++];
      if (line.Closes()) {
        if (until == Until::kBrace && line.words.size() == 1) return directives;
        return Fail(Error::BadRequest("line {}: this brace closes nothing", line.number));
      }
      TRY(Directive directive, NextDirective(line));
      Add(std::move(directive), directives);
      if (directives.size() > kMaxDirectives) return Fail(Error::BadRequest("line {}: too long a block", line.number));
    }
    if (until == Until::kEnd) return directives;
    return Fail(Error::BadRequest("the last block is not closed"));
  }

 private:
  Result<ServerBlock> NextBlock() {
    ServerBlock block;
    bool open = false;
    while (!open) {
      if (at_ == lines_.size()) return Fail(Error::BadRequest("the last zones have no block"));
      Line& line = lines_[at_++];
      open = line.Opens();
      if (open) line.words.pop_back();
      for (std::string& word : line.words) AddKeys(word, block.keys);
      bool goes_on = !line.words.empty() && line.words.back().ends_with(',');
      if (!open && !goes_on) return Fail(Error::BadRequest("line {}: '{{' is missing after the zones", line.number));
      if (open && block.keys.empty()) return Fail(Error::BadRequest("line {}: a block without zones", line.number));
    }
    TRY(block.directives, Directives(Until::kBrace));
    return block;
  }

  static void AddKeys(std::string_view word, std::vector<std::string>& keys) {
    while (!word.empty()) {
      size_t comma = std::min(word.find(','), word.size());
      if (comma > 0) keys.emplace_back(word.substr(0, comma));
      word.remove_prefix(std::min(comma + 1, word.size()));
    }
  }

  Result<Directive> NextDirective(Line& line) {
    Directive directive;
    bool block = line.Opens();
    if (block) line.words.pop_back();
    if (line.words.empty()) return Fail(Error::BadRequest("line {}: a brace without a directive", line.number));
    directive.name = std::move(line.words.front());
    directive.args.assign(std::make_move_iterator(line.words.begin() + 1), std::make_move_iterator(line.words.end()));
    size_t depth = block ? 1 : 0;
    while (depth > 0) {
      if (at_ == lines_.size()) {
        return Fail(Error::BadRequest("line {}: the block of {} is not closed", line.number, directive.name));
      }
      Line& inner = lines_[at_++];
      if (inner.Closes()) --depth;
      if (inner.Opens()) ++depth;
      if (depth > 0) directive.body.push_back(std::move(inner.words));
    }
    return directive;
  }

  void Add(Directive directive, std::vector<Directive>& directives) const {
    if (directive.name != "import") return directives.push_back(std::move(directive));
    auto snippet = directive.args.empty() ? snippets_.end() : snippets_.find(directive.args[0]);
    if (snippet != snippets_.end()) directives.insert(directives.end(), snippet->second.begin(), snippet->second.end());
  }

  std::vector<Line> lines_;
  size_t at_ = 0;
  std::map<std::string, std::vector<Directive>> snippets_;
};

}  // namespace

Result<std::vector<ServerBlock>> ParseCorefile(std::string_view text) {
  return Parser(text).Blocks();
}

Result<std::vector<Directive>> ParseDirectives(std::string_view text) {
  return Parser(text).Directives(Parser::Until::kEnd);
}

}  // namespace sampan::dns
