#include <malloc.h>
#include <unistd.h>

#include <cstdio>

#include "cli/verbs.h"
#include "daemon/verbs.h"

int main(int argc, char** argv) {
  // A heap for every thread would keep what each once needed; with fewer than four, bindings and creations wait for
  // each other's allocations.
  mallopt(M_ARENA_MAX, 4);
  using namespace sampan;
  int code = cli::RunCommandLine(argc, argv,
                                 {daemon::ServerVerb(), daemon::AgentVerb(), daemon::TeardownVerb(), daemon::SimulateVerb(),
                                  cli::KubeconfigVerb(), cli::VersionVerb(SAMPAN_VERSION)});
  // Everything of ours has ended; threads of libraries may not have, and must not see their globals destroyed.
  std::fflush(nullptr);
  _exit(code);
}
