#include <malloc.h>

#include "cli/verbs.h"
#include "daemon/verbs.h"

int main(int argc, char** argv) {
  // A heap for every thread would keep what each once needed; two serve the few threads that allocate at the same time.
  mallopt(M_ARENA_MAX, 2);
  using namespace sampan;
  return cli::RunCommandLine(argc, argv,
                             {daemon::ServerVerb(), daemon::TeardownVerb(), daemon::SimulateVerb(), cli::KubeconfigVerb(),
                              cli::VersionVerb(SAMPAN_VERSION)});
}
