#include "os/proc.h"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "os/errno.h"
#include "os/file.h"

namespace sampan::os {

namespace {

// The words of a line of /proc, whatever spaces are between them.
std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while (at < line.size()) {
    size_t end = std::min(line.find_first_of(" \t", at), line.size());
    if (end > at) words.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::string_view NextLine(std::string_view& text) {
  size_t newline = text.find('\n');
  std::string_view line = text.substr(0, newline);
  text.remove_prefix(newline == text.npos ? text.size() : newline + 1);
  return line;
}

uint64_t Number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

double Real(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

MemInfo ParseMemInfo(std::string_view text) {
  MemInfo info;
  const std::pair<std::string_view, uint64_t*> fields[] = {{"MemTotal:", &info.total_bytes},
                                                           {"MemFree:", &info.free_bytes},
                                                           {"MemAvailable:", &info.available_bytes},
                                                           {"SwapTotal:", &info.swap_total_bytes},
                                                           {"SwapFree:", &info.swap_free_bytes}};
  while (!text.empty()) {
    std::vector<std::string_view> words = Words(NextLine(text));
    if (words.size() < 2) continue;
    for (auto& [name, value] : fields) {
      if (words[0] == name) *value = Number(words[1]) * 1024;
    }
  }
  return info;
}

Result<MemInfo> ReadMemInfo() {
  TRY(std::string text, ReadFile("/proc/meminfo", kKernelFileLimit));
  return ParseMemInfo(text);
}

Result<LoadAverage> ReadLoadAverage() {
  TRY(std::string text, ReadFile("/proc/loadavg", kKernelFileLimit));
  std::vector<std::string_view> words = Words(text);
  if (words.size() < 3) return Fail(Error::InternalError("/proc/loadavg is malformed"));
  return LoadAverage{Real(words[0]), Real(words[1]), Real(words[2])};
}

CpuTimes ParseCpuTimes(std::string_view text, uint64_t ticks_per_second) {
  CpuTimes times;
  uint64_t nanoseconds = 1'000'000'000 / std::max<uint64_t>(ticks_per_second, 1);
  while (!text.empty()) {
    // cpu user nice system idle iowait irq softirq steal ...
    std::vector<std::string_view> words = Words(NextLine(text));
    if (words.size() < 8 || words[0] != "cpu") continue;
    times.user_nanoseconds = (Number(words[1]) + Number(words[2])) * nanoseconds;
    times.system_nanoseconds = (Number(words[3]) + Number(words[6]) + Number(words[7])) * nanoseconds;
    times.idle_nanoseconds = (Number(words[4]) + Number(words[5])) * nanoseconds;
    break;
  }
  return times;
}

Result<CpuTimes> ReadCpuTimes() {
  TRY(std::string text, ReadFile("/proc/stat", kKernelFileLimit));
  return ParseCpuTimes(text, static_cast<uint64_t>(::sysconf(_SC_CLK_TCK)));
}

int CpuCount() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

Result<std::vector<InterfaceStats>> ReadInterfaceStats(pid_t pid) {
  TRY(std::string text,
      ReadFile(pid == 0 ? "/proc/thread-self/net/dev" : fmt::format("/proc/{}/net/dev", pid), kKernelFileLimit));
  std::vector<InterfaceStats> interfaces;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = NextLine(rest);
    size_t colon = line.find(':');
    if (colon == line.npos) continue;  // the two lines of headings have none
    std::vector<std::string_view> words = Words(line.substr(colon + 1));
    std::vector<std::string_view> name = Words(line.substr(0, colon));
    if (words.size() < 11 || name.empty()) continue;
    interfaces.push_back({.name = std::string(name[0]),
                          .rx_bytes = Number(words[0]),
                          .rx_packets = Number(words[1]),
                          .rx_errors = Number(words[2]),
                          .tx_bytes = Number(words[8]),
                          .tx_packets = Number(words[9]),
                          .tx_errors = Number(words[10])});
  }
  return interfaces;
}

Result<std::vector<pid_t>> ListPids() {
  TRY(std::vector<std::string> names, ListDir("/proc"));
  std::vector<pid_t> pids;
  for (const std::string& name : names) {
    if (!name.empty() && name[0] >= '0' && name[0] <= '9') pids.push_back(static_cast<pid_t>(Number(name)));
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

Result<uint64_t> ResidentBytes(pid_t pid) {
  TRY(std::string text, ReadFile(fmt::format("/proc/{}/statm", pid), kKernelFileLimit));
  std::vector<std::string_view> words = Words(text);
  if (words.size() < 2) return Fail(Error::NotFound("process {} has ended", pid));
  return Number(words[1]) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<Duration> Uptime() {
  TRY(std::string text, ReadFile("/proc/uptime", kKernelFileLimit));
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(Real(text)));
}

Result<std::string> BootId() {
  TRY(std::string text, ReadFile("/proc/sys/kernel/random/boot_id", kKernelFileLimit));
  return Trimmed(std::move(text));
}

Result<std::string> MachineId() {
  Result<std::string> text = ReadFile("/etc/machine-id", kConfigFileLimit);
  if (!text) text = ReadFile("/var/lib/dbus/machine-id", kConfigFileLimit);
  if (!text) return text;
  return Trimmed(*std::move(text));
}

std::string Hostname() {
  utsname names;
  return ::uname(&names) == 0 ? names.nodename : "localhost";
}

std::string KernelRelease() {
  utsname names;
  return ::uname(&names) == 0 ? names.release : "";
}

std::string OsImage() {
  Result<std::string> text = ReadFile("/etc/os-release", kConfigFileLimit);
  if (!text) return "Linux";
  std::string_view rest = *text;
  while (!rest.empty()) {
    std::string_view line = NextLine(rest);
    if (!line.starts_with("PRETTY_NAME=")) continue;
    line.remove_prefix(line.find('=') + 1);
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'')) line = line.substr(1, line.size() - 2);
    return std::string(line);
  }
  return "Linux";
}

bool HasCapability(int capability) {
  Result<std::string> text = ReadFile("/proc/thread-self/status", kKernelFileLimit);
  if (!text) return false;
  size_t at = text->find("CapEff:\t");
  if (at == text->npos) return false;
  uint64_t effective = 0;
  const char* digits = text->data() + at + 8;
  std::from_chars(digits, digits + 16, effective, 16);
  return (effective >> capability & 1) != 0;
}

}  // namespace sampan::os
