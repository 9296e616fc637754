// The command line: `sampan VERB [flags]`. A verb declares its options once; they are flags, and, where the verb reads a
// configuration file, keys of that file.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/options.h"

namespace sampan::cli {

constexpr int kExitUsage = 2;  // a wrong flag or configuration

struct Verb {
  std::string name;
  std::string summary;
  OptionSet options;
  // The file that --config names by default, read when it exists; empty: the verb has no configuration file.
  std::string default_config;
  std::function<int()> run;
};

// Parses and runs. Flags win over the file, the file over the defaults. On a wrong flag, key or value prints one line that
// says which, why and what would be right, and returns kExitUsage.
int RunCommandLine(int argc, char** argv, std::vector<Verb> verbs);

// Sets the options from a YAML mapping {key: scalar | list}. BadRequest "FILE: key: why".
Result<void> ApplyConfigText(const std::string& file, const std::string& text, const OptionSet& options);

}  // namespace sampan::cli
