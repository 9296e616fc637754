// What every namespace is born with: the service account "default" and the ConfigMap with the cluster's CA. Cluster view.
#pragma once

#include <memory>
#include <string>

#include "controllers/common/controller.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewServiceAccountController(World world);

// Keeps ConfigMap kube-root-ca.crt with `ca_pem` in every namespace, whatever people do to it.
std::unique_ptr<Controller> NewRootCaPublisher(World world, std::string ca_pem);

}  // namespace sampan::controllers
