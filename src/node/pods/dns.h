// Name resolution inside pods: resolv.conf and /etc/hosts. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/types/core.h"
#include "node/cri/types.h"

namespace sampan::node {

struct DnsOptions {
  std::string cluster_dns;     // empty: no cluster DNS, ClusterFirst behaves as Default
  std::string cluster_domain;  // "cluster.local"
  cri::DnsConfig host;         // of the host's resolv.conf
};

cri::DnsConfig ParseResolvConf(std::string_view text);
cri::DnsConfig PodDns(const api::core::Pod& pod, const DnsOptions& options);

// The pod's host name: spec.hostname or its name, at most 63 characters.
std::string PodHostname(const api::core::Pod& pod);

// /etc/hosts. With the host's network it is the host's file (`host_file`) and the aliases.
std::string EtcHosts(const api::core::Pod& pod, const std::vector<std::string>& pod_ips, std::string_view cluster_domain,
                     std::string_view host_file);

}  // namespace sampan::node
