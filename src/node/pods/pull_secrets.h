// Registry credentials out of imagePullSecrets. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "api/types/core.h"
#include "node/cri/types.h"

namespace sampan::node {

// "docker.io" for "nginx:1", "localhost:5000" for "localhost:5000/a/b".
std::string_view RegistryOf(std::string_view image);

// The credentials in the secret (kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg) that fit the image, the most
// specific first. Malformed secrets have none.
std::vector<cri::Auth> CredentialsFor(const api::core::Secret& secret, std::string_view image);

}  // namespace sampan::node
