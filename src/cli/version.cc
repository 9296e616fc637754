// `sampan version`
#include <cstdio>

#include "cli/verbs.h"

namespace sampan::cli {

Verb VersionVerb(std::string version) {
  return {.name = "version",
          .summary = "Print the version of Sampan and of the Kubernetes API it speaks.",
          .options = {},
          .default_config = "",
          .run = [version = std::move(version)] {
            std::printf("sampan %s (Kubernetes v1.36)\n", version.c_str());
            return 0;
          }};
}

}  // namespace sampan::cli
