#include <malloc.h>

#include "cli/verbs.h"
#include "daemon/verbs.h"

int main(int argc, char** argv) {
  // A heap for every thread would keep what each once needed; with fewer than four, bindings and creations wait for
  // each other's allocations.
  mallopt(M_ARENA_MAX, 4);
  using namespace sampan;
  return cli::RunCommandLine(argc, argv,
                             {daemon::ServerVerb(), daemon::TeardownVerb(), daemon::SimulateVerb(), cli::KubeconfigVerb(),
                              cli::VersionVerb(SAMPAN_VERSION)});
}
