#include <charconv>

#include "os/cgroup.h"
#include "os/file.h"

namespace sampan::os {

namespace {

// A version 1 limit above this is "none": the largest count of pages that the kernel takes.
constexpr uint64_t kNoLimit = 1ULL << 62;

uint64_t Number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// 0 for an absent file and for "max".
uint64_t ReadNumber(const std::string& directory, std::string_view file) {
  if (directory.empty()) return 0;
  Result<std::string> text = ReadFile(JoinPath(directory, file), kKernelFileLimit);
  return text ? Number(*text) : 0;
}

// A file of lines "key value".
class KeyedFile {
 public:
  KeyedFile(const std::string& directory, std::string_view file) {
    if (directory.empty()) return;
    Result<std::string> text = ReadFile(JoinPath(directory, file), kKernelFileLimit);
    if (text) text_ = "\n" + *std::move(text);
  }
  uint64_t Get(std::string_view key) const {
    size_t at = text_.find(fmt::format("\n{} ", key));
    if (at == text_.npos) return 0;
    return Number(std::string_view(text_).substr(at + key.size() + 2));
  }

 private:
  std::string text_;
};

uint64_t WorkingSet(uint64_t usage, uint64_t inactive_file) {
  return usage > inactive_file ? usage - inactive_file : 0;
}

CgroupStats ReadV1(const Cgroups& cgroups, const std::string& group) {
  CgroupStats stats;
  std::string memory = cgroups.Path("memory", group);
  KeyedFile memory_stat(memory, "memory.stat");
  stats.cpu_usage_nanoseconds = ReadNumber(cgroups.Path("cpuacct", group), "cpuacct.usage");
  stats.cpu_throttled_nanoseconds = KeyedFile(cgroups.Path("cpu", group), "cpu.stat").Get("throttled_time");
  stats.memory_usage_bytes = ReadNumber(memory, "memory.usage_in_bytes");
  stats.memory_working_set_bytes = WorkingSet(stats.memory_usage_bytes, memory_stat.Get("total_inactive_file"));
  stats.memory_rss_bytes = memory_stat.Get("total_rss");
  stats.memory_limit_bytes = ReadNumber(memory, "memory.limit_in_bytes");
  if (stats.memory_limit_bytes > kNoLimit) stats.memory_limit_bytes = 0;
  stats.page_faults = memory_stat.Get("total_pgfault");
  stats.major_page_faults = memory_stat.Get("total_pgmajfault");
  stats.pids = ReadNumber(cgroups.Path("pids", group), "pids.current");
  stats.oom_kills = KeyedFile(memory, "memory.oom_control").Get("oom_kill");
  return stats;
}

CgroupStats ReadV2(const std::string& directory) {
  CgroupStats stats;
  KeyedFile cpu(directory, "cpu.stat");
  KeyedFile memory_stat(directory, "memory.stat");
  stats.cpu_usage_nanoseconds = cpu.Get("usage_usec") * 1000;
  stats.cpu_throttled_nanoseconds = cpu.Get("throttled_usec") * 1000;
  stats.memory_usage_bytes = ReadNumber(directory, "memory.current");
  stats.memory_working_set_bytes = WorkingSet(stats.memory_usage_bytes, memory_stat.Get("inactive_file"));
  stats.memory_rss_bytes = memory_stat.Get("anon");
  stats.memory_limit_bytes = ReadNumber(directory, "memory.max");
  stats.page_faults = memory_stat.Get("pgfault");
  stats.major_page_faults = memory_stat.Get("pgmajfault");
  stats.pids = ReadNumber(directory, "pids.current");
  stats.oom_kills = KeyedFile(directory, "memory.events").Get("oom_kill");
  return stats;
}

}  // namespace

Result<CgroupStats> Cgroups::Stats(const std::string& group) const {
  if (!Exists(group)) return Fail(Error::NotFound("cgroup {} does not exist", group));
  return mode_ == CgroupMode::kV2 ? ReadV2(Path("", group)) : ReadV1(*this, group);
}

}  // namespace sampan::os
