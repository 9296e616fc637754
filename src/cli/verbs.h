// The verbs of the command line that need no daemon.
#pragma once

#include <string>

#include "cli/command_line.h"

namespace sampan::cli {

Verb VersionVerb(std::string version);
Verb KubeconfigVerb();

}  // namespace sampan::cli
