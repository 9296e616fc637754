// Reads Corefiles, CoreDNS' configuration: blocks of directives for zones. Pure.
//
//   example.org:53 {
//       forward . 10.0.0.1 10.0.0.2
//       hosts {
//           10.0.0.3 printer.example.org
//       }
//   }
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sampan::dns {

struct Directive {
  std::string name;
  std::vector<std::string> args;
  std::vector<std::vector<std::string>> body;  // the lines between its braces, deeper braces as words
};

struct ServerBlock {
  std::vector<std::string> keys;  // as written: "example.org:53"
  std::vector<Directive> directives;
};

// Snippets are put in where they are imported; imports of files are left out. BadRequest, with the line, when it is
// malformed.
Result<std::vector<ServerBlock>> ParseCorefile(std::string_view text);

// Directives alone, as they stand within a block.
Result<std::vector<Directive>> ParseDirectives(std::string_view text);

}  // namespace sampan::dns
