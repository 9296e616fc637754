// The service account token controller: fills Secrets of type kubernetes.io/service-account-token, which people make to have
// a token that does not expire, and removes them with their account. Cluster view.
#pragma once

#include <memory>
#include <string>

#include "controllers/common/controller.h"

namespace sampan::controllers {

std::unique_ptr<Controller> NewServiceAccountTokenController(World world, std::string root_ca_pem);

}  // namespace sampan::controllers
