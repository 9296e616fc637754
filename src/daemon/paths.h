// Where everything lies. This tree and these functions are the only places that know.
//
//   /var/lib/sampan/              --data-dir, 0700
//     lock                        held by the running server: one process a directory
//     admin.kubeconfig            0600, system:masters
//     db/                         the embedded store
//     tls/                        0700; keys 0600
//       ca.crt ca.key             signs every certificate of the cluster
//       apiserver.crt .key        serving certificate of the API
//       apiserver-kubelet-client.crt .key
//       kubelet.crt .key          of this node: it serves with it, and it is who the node is
//       service-account.key       signs service account tokens
//       admin.crt .key            client certificate of admin.kubeconfig
//     agent/                      0700, the node agent's: containerd/, pods/, volumes, checkpoints (node/paths.h)
//       lock                      held by the running agent
//       kubeconfig                0600, written by the server: the API's address and the node's certificate
//   /run/sampan/                  --run-dir, 0755: sockets and pid files, gone after a reboot
//     server.lock sampan.pid      the running server
//     agent.lock agent.pid        the running agent
//     containerd/
#pragma once

#include <string>
#include <string_view>

namespace sampan::daemon {

class Paths {
 public:
  Paths(std::string data_dir, std::string run_dir) : data_(std::move(data_dir)), run_(std::move(run_dir)) {}

  const std::string& data() const { return data_; }
  const std::string& run() const { return run_; }
  std::string lock() const { return data_ + "/lock"; }
  std::string admin_kubeconfig() const { return data_ + "/admin.kubeconfig"; }
  std::string db() const { return data_ + "/db"; }
  std::string tls() const { return data_ + "/tls"; }
  std::string certificate(std::string_view name) const { return tls() + "/" + std::string(name) + ".crt"; }
  std::string key(std::string_view name) const { return tls() + "/" + std::string(name) + ".key"; }
  std::string agent() const { return data_ + "/agent"; }
  std::string agent_lock() const { return agent() + "/lock"; }
  std::string agent_kubeconfig() const { return agent() + "/kubeconfig"; }
  std::string server_run_lock() const { return run_ + "/server.lock"; }
  std::string agent_run_lock() const { return run_ + "/agent.lock"; }
  std::string pid_file() const { return run_ + "/sampan.pid"; }
  std::string agent_pid_file() const { return run_ + "/agent.pid"; }

 private:
  std::string data_;
  std::string run_;
};

}  // namespace sampan::daemon
