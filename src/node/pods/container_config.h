// What the runtime is told about a pod's sandbox and its containers. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/types/core.h"
#include "node/cri/types.h"
#include "node/paths.h"
#include "node/pods/dns.h"
#include "node/pods/environment.h"

namespace sampan::node {

struct SandboxInput {
  const api::core::Pod& pod;
  uint32_t attempt = 0;
  const DnsOptions& dns;
  const Paths& paths;
};
cri::SandboxConfig BuildSandboxConfig(const SandboxInput& input);

struct ContainerInput {
  const api::core::Pod& pod;
  const api::core::Container& container;
  uint32_t attempt = 0;
  EnvList environment;
  std::vector<cri::Mount> mounts;  // of volumes
  const cri::Image& image;
  const Paths& paths;
  int64_t node_memory_bytes = 0;
  std::string target_id = {};  // the container whose processes it sees; empty: as the pod says
};
// Invalid with the words of "CreateContainerConfigError" when runAsNonRoot forbids the image's user.
Result<cri::ContainerConfig> BuildContainerConfig(const ContainerInput& input);

// Whether the kubelet mounts its own /etc/hosts into this container.
bool WantsEtcHosts(const api::core::Container& container);

}  // namespace sampan::node
