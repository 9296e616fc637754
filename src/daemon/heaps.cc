#include "daemon/heaps.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace sampan::daemon {
namespace {

constexpr Duration kPeriod = std::chrono::seconds(10);
constexpr uint64_t kWorthwhile = 4u << 20;  // less comes and goes with ordinary work
constexpr int kRest = 10;                   // rests: it used less than one part in so many of one processor

Duration TimeOf(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

uint64_t ResidentBytes() {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"), &std::fclose);
  unsigned long total = 0, resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%lu %lu", &total, &resident) != 2) return 0;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

ProcessUse Look() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {ResidentBytes(), TimeOf(usage.ru_utime) + TimeOf(usage.ru_stime)};
}

}  // namespace

bool WorthTrimming(const ProcessUse& before, const ProcessUse& now, Duration between, uint64_t resident_after_last) {
  bool rests = (now.processor_time - before.processor_time) * kRest < between;
  return rests && now.resident_bytes > resident_after_last + kWorthwhile;
}

Task<void> TrimHeaps(Clock* clock, BlockingPool* blocking, CancelToken stop) {
  uint64_t resident_after_last = 0;
  ProcessUse before = Look();
  MonoTime at = clock->Monotonic();
  while (co_await clock->Sleep(kPeriod, stop)) {
    ProcessUse now = Look();
    Duration between = clock->Monotonic() - std::exchange(at, clock->Monotonic());
    if (WorthTrimming(before, now, between, resident_after_last)) {
      co_await blocking->Run([] { malloc_trim(0); });
      resident_after_last = ResidentBytes();
    }
    before = now;
  }
}

}  // namespace sampan::daemon
