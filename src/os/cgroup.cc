#include "os/cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <set>
#include <thread>

#include "os/errno.h"
#include "os/file.h"
#include "os/mount.h"

namespace sampan::os {

namespace {

constexpr size_t kMostGroups = 100'000;  // that are walked below one

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t at = std::min(text.find(separator), text.size());
    if (at > 0) parts.push_back(text.substr(0, at));
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return parts;
}

bool IsController(std::string_view option) {
  static constexpr std::string_view kKnown[] = {"cpu",        "cpuacct", "cpuset",  "memory",   "devices",
                                                "freezer",    "blkio",   "net_cls", "net_prio", "hugetlb",
                                                "perf_event", "pids",    "rdma"};
  return option.starts_with("name=") || std::find(std::begin(kKnown), std::end(kKnown), option) != std::end(kKnown);
}

bool IsDirectory(const std::string& path) {
  Result<FileStat> stat = Stat(path);
  return stat && stat->type == FileType::kDirectory;
}

Result<std::vector<std::string>> ChildDirectories(const std::string& directory) {
  TRY(std::vector<std::string> names, ListDir(directory));
  std::erase_if(names, [&](const std::string& name) { return !IsDirectory(JoinPath(directory, name)); });
  return names;
}

// The group and those below it, a parent before its children; a list, since a container may nest its own as it likes.
std::vector<std::string> GroupsBelow(const std::string& directory) {
  std::vector<std::string> groups{directory};
  for (size_t i = 0; i < groups.size() && groups.size() < kMostGroups; ++i) {
    Result<std::vector<std::string>> children = ChildDirectories(groups[i]);
    if (!children) continue;  // it may go away while it is walked
    for (const std::string& child : *children) groups.push_back(JoinPath(groups[i], child));
  }
  return groups;
}

Result<void> RemoveTree(const std::string& directory) {
  const std::vector<std::string> groups = GroupsBelow(directory);
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    if (::rmdir(group->c_str()) != 0 && errno != ENOENT) return Fail(LastError(*group));
  }
  return {};
}

void CollectProcs(const std::string& directory, Cgroups::Depth depth, std::set<pid_t>& pids) {
  std::vector<std::string> groups{directory};
  if (depth != Cgroups::Depth::kThisGroup) groups = GroupsBelow(directory);
  for (const std::string& group : groups) {
    Result<std::string> text = ReadFile(JoinPath(group, "cgroup.procs"), kKernelFileLimit);
    // The group may go away, or be a threaded one, which lists no processes, while it is walked.
    if (!text) continue;
    for (std::string_view line : Split(*text, '\n')) pids.insert(static_cast<pid_t>(std::atoi(std::string(line).c_str())));
  }
}

// A new version 1 cpuset is empty and takes no process before it has processors and memory nodes.
Result<void> InheritCpuset(const std::string& directory) {
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    TRY(std::string own, ReadFile(JoinPath(directory, file), kKernelFileLimit));
    if (own.size() > 1) continue;
    TRY(std::string parents, ReadFile(JoinPath(DirName(directory), file), kKernelFileLimit));
    TRY_VOID(WriteExisting(JoinPath(directory, file), parents));
  }
  return {};
}

std::string OrMax(int64_t value) {
  return value < 0 ? "max" : std::to_string(value);
}

uint64_t WeightOf(uint64_t shares) {
  shares = std::clamp<uint64_t>(shares, 2, 262144);
  return 1 + (shares - 2) * 9999 / 262142;
}

}  // namespace

std::string_view CgroupModeName(CgroupMode mode) {
  switch (mode) {
    case CgroupMode::kV1:
      return "v1";
    case CgroupMode::kHybrid:
      return "hybrid";
    case CgroupMode::kV2:
      return "v2";
  }
  return "";
}

Result<Cgroups> Cgroups::Detect(const std::string& root) {
  TRY(std::vector<MountInfo> mounts, ListMounts(root));
  Cgroups cgroups;
  std::string unified;
  for (const MountInfo& mount : mounts) {
    if (mount.fs_type == "cgroup2") unified = mount.mount_point;
    if (mount.fs_type != "cgroup") continue;
    bool controls = false;
    for (std::string_view option : Split(mount.super_options, ',')) {
      if (!IsController(option)) continue;
      cgroups.hierarchies_.emplace(option, mount.mount_point);
      controls = true;
    }
    if (!controls) cgroups.others_.push_back(mount.mount_point);
  }
  if (!cgroups.hierarchies_.empty()) {
    cgroups.mode_ = unified.empty() ? CgroupMode::kV1 : CgroupMode::kHybrid;
    if (!unified.empty()) cgroups.others_.push_back(unified);
    return cgroups;
  }
  if (unified.empty()) return Fail(Error::NotFound("no control group hierarchy is mounted at {}", root));
  cgroups.mode_ = CgroupMode::kV2;
  cgroups.unified_ = unified;
  TRY(std::string controllers, ReadFile(JoinPath(unified, "cgroup.controllers"), kKernelFileLimit));
  while (!controllers.empty() && controllers.back() == '\n') controllers.pop_back();
  for (std::string_view controller : Split(controllers, ' ')) cgroups.unified_controllers_.emplace_back(controller);
  return cgroups;
}

bool Cgroups::HasController(std::string_view controller) const {
  if (hierarchies_.contains(controller)) return true;
  return std::find(unified_controllers_.begin(), unified_controllers_.end(), controller) != unified_controllers_.end();
}

std::string Cgroups::Path(std::string_view controller, std::string_view group) const {
  if (mode_ == CgroupMode::kV2) return JoinPath(unified_, group);
  auto found = hierarchies_.find(controller);
  return found == hierarchies_.end() ? std::string() : JoinPath(found->second, group);
}

std::vector<std::string> Cgroups::Directories(std::string_view group) const {
  std::set<std::string> directories;  // controllers mounted together share one
  if (mode_ == CgroupMode::kV2) directories.insert(JoinPath(unified_, group));
  for (const auto& [controller, mount] : hierarchies_) directories.insert(JoinPath(mount, group));
  return {directories.begin(), directories.end()};
}

Result<void> Cgroups::EnableControllers(const std::string& group) const {
  std::string directory = unified_;
  std::vector<std::string_view> parts = Split(group, '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    for (const char* controller : {"cpu", "cpuset", "memory", "pids", "io", "hugetlb"}) {
      if (!HasController(controller)) continue;
      // A controller that the parent does not pass on cannot be had; a limit that needs it will say so.
      (void)WriteExisting(JoinPath(directory, "cgroup.subtree_control"), fmt::format("+{}", controller));
    }
    directory = JoinPath(directory, parts[i]);
    if (i + 1 < parts.size()) TRY_VOID(MakeDirs(directory));
  }
  return {};
}

Result<void> Cgroups::Create(const std::string& group, const CgroupLimits& limits) const {
  if (mode_ == CgroupMode::kV2) TRY_VOID(EnableControllers(group));
  for (const std::string& directory : Directories(group)) TRY_VOID(MakeDirs(directory));
  if (mode_ != CgroupMode::kV2 && HasController("cpuset")) {
    std::string path;
    for (std::string_view part : Split(group, '/')) {
      path += fmt::format("/{}", part);
      TRY_VOID(InheritCpuset(Path("cpuset", path)));
    }
  }
  return SetLimits(group, limits);
}

Result<void> Cgroups::SetLimits(const std::string& group, const CgroupLimits& limits) const {
  bool v2 = mode_ == CgroupMode::kV2;
  auto write = [&](std::string_view controller, const char* file, const std::string& value) -> Result<void> {
    std::string directory = Path(controller, group);
    if (directory.empty()) return Fail(Error::NotFound("this machine has no {} cgroup controller", controller));
    return WriteExisting(JoinPath(directory, file), value);
  };
  if (limits.cpu_shares) {
    if (v2) TRY_VOID(write("cpu", "cpu.weight", std::to_string(WeightOf(*limits.cpu_shares))));
    if (!v2) TRY_VOID(write("cpu", "cpu.shares", std::to_string(std::max<uint64_t>(*limits.cpu_shares, 2))));
  }
  if (limits.cpu_quota_microseconds) {
    uint64_t period = limits.cpu_period_microseconds.value_or(100000);
    if (v2) {
      TRY_VOID(write("cpu", "cpu.max", fmt::format("{} {}", OrMax(*limits.cpu_quota_microseconds), period)));
    } else {
      TRY_VOID(write("cpu", "cpu.cfs_period_us", std::to_string(period)));
      TRY_VOID(write("cpu", "cpu.cfs_quota_us", std::to_string(*limits.cpu_quota_microseconds)));
    }
  }
  if (limits.memory_bytes) {
    if (v2) TRY_VOID(write("memory", "memory.max", OrMax(*limits.memory_bytes)));
    if (!v2) TRY_VOID(write("memory", "memory.limit_in_bytes", std::to_string(*limits.memory_bytes)));
  }
  if (limits.pids) TRY_VOID(write("pids", "pids.max", OrMax(*limits.pids)));
  if (v2) {
    for (const auto& [file, value] : limits.unified) TRY_VOID(WriteExisting(JoinPath(Path("", group), file), value));
  }
  return {};
}

bool Cgroups::Exists(const std::string& group) const {
  for (const std::string& directory : Directories(group)) {
    if (IsDirectory(directory)) return true;
  }
  return false;
}

Result<void> Cgroups::Remove(const std::string& group) const {
  for (const std::string& directory : Directories(group)) TRY_VOID(RemoveTree(directory));
  for (const std::string& mount : others_) TRY_VOID(RemoveTree(JoinPath(mount, group)));
  return {};
}

Result<std::vector<pid_t>> Cgroups::Procs(const std::string& group, Depth depth) const {
  std::set<pid_t> pids;
  for (const std::string& directory : Directories(group)) CollectProcs(directory, depth, pids);
  return std::vector<pid_t>(pids.begin(), pids.end());
}

Result<void> Cgroups::AddProc(const std::string& group, pid_t pid) const {
  for (const std::string& directory : Directories(group)) {
    TRY_VOID(WriteExisting(JoinPath(directory, "cgroup.procs"), std::to_string(pid)));
  }
  return {};
}

Result<void> Cgroups::Kill(const std::string& group) const {
  if (mode_ == CgroupMode::kV2) {
    std::string file = JoinPath(Path("", group), "cgroup.kill");
    if (Exists(group) && os::Exists(file)) return WriteExisting(file, "1");
  }
  // A fork may escape one round, but then its parent has gone and the next finds it.
  for (int round = 0; round < 100; ++round) {
    TRY(std::vector<pid_t> pids, Procs(group));
    if (pids.empty()) return {};
    for (pid_t pid : pids) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1 + round));
  }
  return Fail(Error::Timeout("processes of cgroup {} do not end", group));
}

Result<std::vector<std::string>> Cgroups::Children(const std::string& group) const {
  std::set<std::string> names;
  for (const std::string& directory : Directories(group)) {
    Result<std::vector<std::string>> children = ChildDirectories(directory);
    if (children) names.insert(children->begin(), children->end());
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::string> Cgroups::OwnGroup() const {
  TRY(std::string text, ReadFile("/proc/self/cgroup", kKernelFileLimit));
  for (std::string_view line : Split(text, '\n')) {
    // 4:memory:/path, and 0::/path for version 2
    size_t first = line.find(':');
    size_t second = line.find(':', first + 1);
    if (second == line.npos) continue;
    std::string_view controllers = line.substr(first + 1, second - first - 1);
    bool wanted = controllers.empty() && mode_ == CgroupMode::kV2;
    for (std::string_view controller : Split(controllers, ',')) wanted |= controller == "memory" && mode_ != CgroupMode::kV2;
    if (wanted) return std::string(line.substr(second + 1));
  }
  return Fail(Error::NotFound("this process is in no memory cgroup"));
}

}  // namespace sampan::os
