#include "node/containerd/config.h"

#include <fmt/format.h>

namespace sampan::node {

std::string ContainerdConfigText(const ContainerdConfigOptions& options) {
  return fmt::format(R"(# Written by sampan at every start; changes are lost.
version = 2
root = "{root}"
state = "{state}"
oom_score = 0
disabled_plugins = [
  "io.containerd.grpc.v1.introspection-remote", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "{socket}"

[plugins."io.containerd.gc.v1.scheduler"]
  startup_delay = "10s"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox_image}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  restrict_oom_score_adj = {restrict}
  tolerate_missing_hugetlb_controller = true
  # Containers without privileges may ping and bind low ports, as in any other engine.
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_bin}"
    conf_dir = "{cni_conf}"
    max_conf_num = 1

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
)",
                     fmt::arg("root", options.paths.Containerd() + "/root"),
                     fmt::arg("state", options.paths.ContainerdState()),
                     fmt::arg("socket", options.paths.ContainerdSocket()), fmt::arg("sandbox_image", options.sandbox_image),
                     fmt::arg("restrict", options.oom_score_adj == OomScoreAdj::kRestricted ? "true" : "false"),
                     fmt::arg("cni_bin", options.cni_bin_dir), fmt::arg("cni_conf", options.cni_conf_dir));
}

}  // namespace sampan::node
