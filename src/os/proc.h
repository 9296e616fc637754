// What the kernel says of this machine and its processes. Calls block for microseconds.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace sampan::os {

struct MemInfo {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;
  uint64_t available_bytes = 0;
  uint64_t swap_total_bytes = 0;
  uint64_t swap_free_bytes = 0;
};
Result<MemInfo> ReadMemInfo();
MemInfo ParseMemInfo(std::string_view text);

struct LoadAverage {
  double one = 0, five = 0, fifteen = 0;
};
Result<LoadAverage> ReadLoadAverage();

// All processors together, since boot.
struct CpuTimes {
  uint64_t user_nanoseconds = 0, system_nanoseconds = 0,
           idle_nanoseconds = 0;  // nice in user; irq in system; iowait in idle
};
Result<CpuTimes> ReadCpuTimes();
CpuTimes ParseCpuTimes(std::string_view proc_stat, uint64_t ticks_per_second);
int CpuCount();  // that this process may use

struct InterfaceStats {
  std::string name;
  uint64_t rx_bytes = 0, rx_packets = 0, rx_errors = 0, tx_bytes = 0, tx_packets = 0, tx_errors = 0;
};
// Of the network namespace of `pid`; 0 is this process.
Result<std::vector<InterfaceStats>> ReadInterfaceStats(pid_t pid = 0);

Result<std::vector<pid_t>> ListPids();
Result<uint64_t> ResidentBytes(pid_t pid);  // NotFound when it has gone
Result<Duration> Uptime();
Result<std::string> BootId();
Result<std::string> MachineId();
std::string Hostname();
std::string KernelRelease();  // "6.1.0-18-amd64"
std::string OsImage();        // PRETTY_NAME of os-release; "Linux" when there is none

// Whether this process has the capability (CAP_NET_ADMIN is 12, CAP_SYS_ADMIN is 21) in its effective set.
bool HasCapability(int capability);

}  // namespace sampan::os
