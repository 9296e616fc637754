// The objects that every cluster has from its first second: the system namespaces and the `kubernetes` Service with its
// endpoints.
#pragma once

#include <string>

#include "apiserver/registry/registry.h"
#include "async/cancel.h"

namespace sampan::apiserver {

struct BootstrapOptions {
  std::string advertise_address;
  uint16_t secure_port = 6443;
  std::string service_address;  // the first of the range
};

// Makes what is absent and brings the endpoints up to date.
Task<Result<void>> WriteClusterObjects(Registry* registry, BootstrapOptions options);
// Does so again every ten seconds until `stop`: who deletes one of them gets it back.
Task<void> KeepClusterObjects(Registry* registry, BootstrapOptions options, CancelToken stop);

}  // namespace sampan::apiserver
