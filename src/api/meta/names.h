// The rules that names and label parts must follow. Each returns what is wrong, in Kubernetes' words; empty when valid.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sampan::api {

using Faults = std::vector<std::string>;

Faults CheckDns1123Label(std::string_view name);      // most names of namespaces, containers
Faults CheckDns1123Subdomain(std::string_view name);  // most names of objects
Faults CheckDns1035Label(std::string_view name);      // services
Faults CheckQualifiedName(std::string_view name);     // label keys, resource names: [prefix/]name
Faults CheckLabelValue(std::string_view value);
Faults CheckEnvVarName(std::string_view name);
Faults CheckConfigMapKey(std::string_view key);
Faults CheckPortName(std::string_view name);
Faults CheckPortNumber(int64_t port);
Faults CheckPathSegmentName(std::string_view name);  // RBAC names
Faults CheckHttpHeaderName(std::string_view name);
Faults CheckPercent(std::string_view text);  // "25%"
Faults CheckIp(std::string_view text);

// A name made of generateName: the prefix, cut to fit, and five letters and digits. `random` is any number.
std::string GenerateName(std::string_view prefix, uint64_t random);

}  // namespace sampan::api
