// A container's environment. Pure: what its variables refer to is fetched before.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/typed_ptr.h"
#include "node/pods/fields.h"

namespace sampan::node {

using EnvList = std::vector<std::pair<std::string, std::string>>;

// Names and values of one container together. The kernel gives a program three quarters of 8 MiB at the most, and one key
// of a ConfigMap may be named any number of times.
inline constexpr size_t kMostEnvironment = 6 << 20;

// The ConfigMaps and Secrets that a container's environment names.
struct EnvReferences {
  std::set<std::string> config_maps, secrets;
};
EnvReferences EnvReferencesOf(const api::core::Container& container);

struct EnvSources {
  std::map<std::string, client::TypedPtr<api::core::ConfigMap>> config_maps;  // null: absent
  std::map<std::string, client::TypedPtr<api::core::Secret>> secrets;
  EnvList services;  // lowest precedence
};

// In the order of precedence: services, envFrom, env; later entries replace earlier ones of the same name and may refer to
// them. BadRequest with the words that pods' events carry for a source or key that is missing and not optional, and for
// more than kMostEnvironment.
Result<EnvList> BuildEnvironment(const api::core::Container& container, const FieldContext& context,
                                 const EnvSources& sources);

// WEB_SERVICE_HOST, WEB_SERVICE_PORT, WEB_PORT_80_TCP ... of each service that has a cluster address.
EnvList ServiceEnvironment(const std::vector<client::TypedPtr<api::core::Service>>& services);

}  // namespace sampan::node
