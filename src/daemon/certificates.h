// The cluster's certificate authority and the certificates this machine needs, made on first start and renewed before
// they end. Blocking: keys are generated and files written.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "daemon/paths.h"
#include "net/pki.h"

namespace sampan::daemon {

struct CertificateNames {
  std::vector<std::string> api_dns_names;  // besides kubernetes.default.svc and its short forms
  std::vector<std::string> api_addresses;
  std::string cluster_domain;
  std::string node_name;
  std::string node_ip;
};

struct Certificates {
  std::string ca_pem;
  net::KeyPair api_server;      // server
  net::KeyPair kubelet_client;  // client: the API server towards node agents
  net::KeyPair admin;           // client: kubernetes-admin in system:masters
  net::KeyPair kubelet;         // server and client: system:node:<name> in system:nodes
  std::string service_account_key_pem;
};

// Reads what is there and makes what is missing, no longer fits the names, or ends within `kRenewBefore`. The CA and the
// service account key are never replaced.
inline constexpr Duration kRenewBefore = std::chrono::days(30);
Result<Certificates> EnsureCertificates(const Paths& paths, const CertificateNames& names, WallTime now);

// Whether one of them ends within `kRenewBefore` or has not begun, or cannot be read.
bool RenewalDue(const Certificates& all, WallTime now);

}  // namespace sampan::daemon
