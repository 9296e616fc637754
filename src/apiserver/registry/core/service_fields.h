// The parts of a Service's spec that depend on its type, and what an update keeps of them. Pure.
#pragma once

#include <set>
#include <string_view>

#include "codec/json.h"

namespace sampan::apiserver {

// All take the Service's spec.
bool NeedsAddress(const json::Value& spec);    // every type but ExternalName
bool NeedsNodePorts(const json::Value& spec);  // NodePort, and LoadBalancer unless it declines
bool NeedsHealthCheckPort(const json::Value& spec);
std::string_view ClusterIpOf(const json::Value& spec);    // "", "None" or the address
std::set<uint32_t> NodePortsOf(const json::Value& spec);  // healthCheckNodePort included
void FillAddressFields(json::Value& spec);                // clusterIPs, ipFamilies, ipFamilyPolicy from clusterIP and type

// An update that leaves allocated values out keeps them; one that changes the type drops what the new type has not.
void KeepAllocated(json::Value& spec, const json::Value& old_spec);

}  // namespace sampan::apiserver
