// Accounts whose pods may use no secrets but those that the account lists. Pure.
#pragma once

#include <string>

#include "api/types/core.h"

namespace sampan::apiserver {

// Whether the account asks for it, by its annotation kubernetes.io/enforce-mountable-secrets.
bool LimitsSecrets(const api::core::ServiceAccount& account);

// Why the pod may not be, by its containers of every sort, its volumes and what it pulls images with; empty when it may.
std::string SecretRefusal(const api::core::ServiceAccount& account, const api::core::PodSpec& spec);
// The same by its ephemeral containers alone: all that an update can add.
std::string EphemeralSecretRefusal(const api::core::ServiceAccount& account, const api::core::PodSpec& spec);

}  // namespace sampan::apiserver
