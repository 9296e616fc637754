// Settings as data: each has a name, a default, a sentence and a check, and is declared once. The command line
// (cli/command_line.h) and the configuration file read the same declarations.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace sampan {

enum class OptionShape : unsigned char { kValue, kSwitch, kList };

struct Option {
  std::string name;          // "secure-port": the flag without dashes and the key in the file
  std::string value_name;    // "PORT", shown in --help
  std::string doc;           // one sentence
  std::string default_text;  // shown in --help; "" for none
  OptionShape shape = OptionShape::kValue;
  // Parses and stores one value; a list's later values are appended. BadRequest says what would be right.
  std::function<Result<void>(std::string_view text)> set;
  // Forgets a list's values: those of the command line replace those of the file.
  std::function<void()> clear;
  // What is stored now, each value as a text that `set` takes; nothing for an empty text.
  std::function<std::vector<std::string>()> get;
};

// Extra condition on a parsed text: empty when it holds, else what would be right ("a port between 1 and 65535").
using OptionCheck = std::function<std::string(std::string_view text)>;

class OptionSet {
 public:
  // The targets are borrowed: they hold the defaults now, and outlive the set.
  void Add(std::string* target, std::string name, std::string value_name, std::string doc, OptionCheck check = nullptr);
  void Add(uint16_t* target, std::string name, std::string value_name, std::string doc);  // a port
  void Add(int64_t* target, std::string name, std::string value_name, std::string doc, int64_t least, int64_t most);
  void Add(Duration* target, std::string name, std::string value_name, std::string doc);
  void Add(bool* target, std::string name, std::string doc);
  void Add(std::vector<std::string>* target, std::string name, std::string value_name, std::string doc,
           OptionCheck check = nullptr);

  const std::vector<Option>& options() const { return options_; }
  // What is stored now as arguments of a command line, "--name=value" each.
  std::vector<std::string> Arguments() const;
  const Option* Find(std::string_view name) const;
  // The declared name that is most like `name`, or "" when none is near.
  std::string Nearest(std::string_view name) const;

 private:
  std::vector<Option> options_;
};

// Checks for Add.
OptionCheck IsCidr();       // "10.96.0.0/12", IPv4 network with no host bits set
OptionCheck IsIpAddress();  // IPv4
OptionCheck IsOneOf(std::vector<std::string> values);
OptionCheck IsAbsolutePath();
OptionCheck IsDnsName();  // lower-case labels separated by dots

}  // namespace sampan
