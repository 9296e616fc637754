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
//       kubelet.crt .key          serving certificate of this node
//       service-account.key       signs service account tokens
//       <component>.crt .key      client certificates: admin, node
//     agent/                      the node agent's: containerd/, pods/, volumes, checkpoints
//   /run/sampan/                  --run-dir, 0755: sockets and pid files, gone after a reboot
//     sampan.pid
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
  std::string pid_file() const { return run_ + "/sampan.pid"; }

 private:
  std::string data_;
  std::string run_;
};

}  // namespace sampan::daemon
