// The kernel's tables carry names that others gave: of mount points, of file systems, of interfaces.
#include <cstdint>
#include <string_view>

#include "os/mount.h"
#include "os/proc.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)sampan::os::ParseMountInfo(text);
  (void)sampan::os::ParseMemInfo(text);
  (void)sampan::os::ParseCpuTimes(text, 100);
  return 0;
}
