#include "node/registration/machine.h"

#include <sys/utsname.h>

#include <algorithm>
#include <charconv>

#include "os/cgroup.h"
#include "os/file.h"
#include "os/proc.h"

namespace sampan::node {
namespace {

std::string Architecture() {
  utsname name{};
  uname(&name);
  const std::string machine = name.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return machine;
}

std::string Line(Result<std::string> text) {
  std::string line = std::move(text).value_or("");
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  return line;
}

int64_t MaxProcesses() {
  int64_t most = 0;
  const std::string text = os::ReadFile("/proc/sys/kernel/pid_max", os::kKernelFileLimit).value_or("0");
  std::from_chars(text.data(), text.data() + text.size(), most);
  return most;
}

// A machine that is itself a container has less than the kernel says.
int64_t MemoryLimit(int64_t total) {
  auto cgroups = os::Cgroups::Detect();
  if (!cgroups) return total;
  auto stats = cgroups->Stats("/");
  if (!stats || stats->memory_limit_bytes == 0) return total;
  return std::min<int64_t>(total, static_cast<int64_t>(std::min<uint64_t>(stats->memory_limit_bytes, INT64_MAX)));
}

}  // namespace

Result<Machine> ReadMachine(const std::string& data_dir) {
  Machine machine;
  machine.hostname = os::Hostname();
  machine.kernel = os::KernelRelease();
  machine.os_image = os::OsImage();
  machine.architecture = Architecture();
  machine.machine_id = Line(os::MachineId());
  machine.boot_id = Line(os::BootId());
  machine.system_uuid = Line(os::ReadFile("/sys/class/dmi/id/product_uuid", os::kKernelFileLimit));
  if (machine.system_uuid.empty()) machine.system_uuid = machine.machine_id;
  machine.milli_cpu = static_cast<int64_t>(os::CpuCount()) * 1000;
  TRY(os::MemInfo memory, os::ReadMemInfo());
  machine.memory_bytes = MemoryLimit(static_cast<int64_t>(memory.total_bytes));
  TRY(os::FsUsage disk, os::StatFs(data_dir));
  machine.disk_bytes = static_cast<int64_t>(disk.capacity_bytes);
  machine.max_processes = MaxProcesses();
  return machine;
}

int64_t MaxPidsOf(int64_t wanted, int64_t max_processes) {
  if (wanted != 0) return std::max<int64_t>(wanted, 0);
  return std::min<int64_t>(max_processes / 8, 16384);
}

Result<MachineUsage> ReadMachineUsage(const std::string& data_dir) {
  MachineUsage usage;
  TRY(os::MemInfo memory, os::ReadMemInfo());
  usage.memory_available_bytes = static_cast<int64_t>(memory.available_bytes);
  TRY(os::FsUsage disk, os::StatFs(data_dir));
  usage.disk_available_bytes = static_cast<int64_t>(disk.available_bytes);
  usage.disk_bytes = static_cast<int64_t>(disk.capacity_bytes);
  usage.inodes = static_cast<int64_t>(disk.inodes);
  usage.inodes_free = static_cast<int64_t>(disk.inodes_free);
  usage.processes = static_cast<int64_t>(os::ListPids().value_or(std::vector<pid_t>()).size());
  usage.max_processes = MaxProcesses();
  return usage;
}

Task<Result<MachineUsage>> FetchMachineUsage(BlockingPool* blocking, std::string data_dir) {
  auto read = [data_dir = std::move(data_dir)] { return ReadMachineUsage(data_dir); };
  co_return co_await blocking->Run(std::move(read));
}

}  // namespace sampan::node
