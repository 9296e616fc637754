// The verbs of the command line that need the daemon's parts. Each returns what `sampan VERB` is: its options and its run.
#pragma once

#include "cli/command_line.h"

namespace sampan::daemon {

cli::Verb ServerVerb();
cli::Verb AgentVerb();
cli::Verb TeardownVerb();
cli::Verb SimulateVerb();

}  // namespace sampan::daemon
