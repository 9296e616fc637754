// Where the agent keeps what on disk, and the only functions that build those paths.
//
//   <data>/agent/
//     containerd/{config.toml, root/, containerd.log, containerd.pid}
//     cni/{net.d/10-sampan.conflist, ipam/}
//     pause.tar
//     pods/<uid>/
//       etc-hosts
//       volumes/<plugin>/<volume>/          content of a volume (plugin: kubernetes.io~configmap ...)
//       volume-subpaths/<volume>/<container>/<mount index>
//       containers/<container>/<attempt>    termination message
//   <run>/containerd/{containerd.sock, state/}
//   <logs>/pods/<namespace>_<name>_<uid>/<container>/<attempt>.log
//   <logs>/containers/<name>_<namespace>_<container>-<id>.log -> the file above, for log collectors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sampan::node {

struct Paths {
  // Whether it may name a directory: what an API server or a label at the runtime says must not lead out of ours.
  static bool CanName(std::string_view name) {
    constexpr size_t kLongest = 253;
    return !name.empty() && name.size() <= kLongest && !name.starts_with('.') &&
           name.find_first_of(std::string_view("/\0", 2)) == name.npos;
  }

  std::string data = "/var/lib/sampan";
  std::string run = "/run/sampan";
  std::string logs = "/var/log";

  std::string Agent() const { return data + "/agent"; }
  std::string Containerd() const { return Agent() + "/containerd"; }
  std::string ContainerdConfig() const { return Containerd() + "/config.toml"; }
  std::string ContainerdLog() const { return Containerd() + "/containerd.log"; }
  std::string ContainerdPid() const { return Containerd() + "/containerd.pid"; }
  std::string ContainerdState() const { return run + "/containerd/state"; }
  std::string ContainerdSocket() const { return run + "/containerd/containerd.sock"; }
  std::string CniConf() const { return Agent() + "/cni/net.d"; }
  std::string CniIpam() const { return Agent() + "/cni/ipam"; }
  std::string PauseTar() const { return Agent() + "/pause.tar"; }
  std::string Pods() const { return Agent() + "/pods"; }
  std::string Pod(std::string_view uid) const { return Pods() + "/" + std::string(uid); }
  std::string EtcHosts(std::string_view uid) const { return Pod(uid) + "/etc-hosts"; }
  std::string Volumes(std::string_view uid) const { return Pod(uid) + "/volumes"; }
  std::string Volume(std::string_view uid, std::string_view plugin, std::string_view name) const {
    return Volumes(uid) + "/" + std::string(plugin) + "/" + std::string(name);
  }
  std::string SubPaths(std::string_view uid) const { return Pod(uid) + "/volume-subpaths"; }
  std::string TerminationMessage(std::string_view uid, std::string_view container, uint32_t attempt) const {
    return Pod(uid) + "/containers/" + std::string(container) + "/" + std::to_string(attempt);
  }
  std::string PodLogs(std::string_view namespace_, std::string_view name, std::string_view uid) const {
    return logs + "/pods/" + std::string(namespace_) + "_" + std::string(name) + "_" + std::string(uid);
  }
  static std::string ContainerLog(std::string_view container, uint32_t attempt) {  // below PodLogs
    return std::string(container) + "/" + std::to_string(attempt) + ".log";
  }
  std::string ContainerLogLinks() const { return logs + "/containers"; }
  // In ContainerLogLinks, cut to what a file name may have.
  static std::string ContainerLogLink(std::string_view pod, std::string_view namespace_, std::string_view container,
                                      std::string_view id) {
    constexpr size_t kLongest = 255;
    constexpr std::string_view kSuffix = ".log";
    std::string link;
    for (std::string_view part :
         {pod, std::string_view("_"), namespace_, std::string_view("_"), container, std::string_view("-"), id}) {
      link += part;
    }
    if (link.size() > kLongest - kSuffix.size()) link.resize(kLongest - kSuffix.size());
    return link.append(kSuffix);
  }
};

}  // namespace sampan::node
