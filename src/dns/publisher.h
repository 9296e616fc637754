// What users look for when they look for the cluster's DNS: the Service kube-dns in kube-system, an EndpointSlice for the
// server on this machine's node, and the ConfigMap coredns. The control plane makes them; a node may not.
#pragma once

#include <string>
#include <vector>

#include "async/cancel.h"
#include "async/clock.h"
#include "async/task.h"
#include "client/client.h"

namespace sampan::dns {

struct PublisherOptions {
  std::string node_name;
  std::string node_address;
  std::string cluster_domain = "cluster.local";
  std::vector<std::string> cluster_ips = {"10.96.0.10"};  // of the kube-dns service
};

// `api` and `clock` outlive it.
class Publisher {
 public:
  Publisher(client::Client& api, Clock& clock, PublisherOptions options);

  // Makes what is missing; tries until it has succeeded or `stop`. What users changed stays.
  Task<void> Run(CancelToken stop);

 private:
  Task<Result<void>> PublishService();
  Task<Result<void>> PublishSlice();
  Task<Result<void>> PublishConfig();

  client::Client& api_;
  Clock& clock_;
  const PublisherOptions options_;
};

}  // namespace sampan::dns
