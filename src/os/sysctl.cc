#include "os/sysctl.h"

#include <algorithm>

#include "os/file.h"

namespace sampan::os {

namespace {

std::string PathOf(std::string_view name) {
  std::string path = fmt::format("/proc/sys/{}", name);

  for (char& c : path) {
    if (c == '.') c = '/';
  }
  return path;
}

}  // namespace

Result<std::string> ReadSysctl(std::string_view name) {
  TRY(std::string value, ReadFile(PathOf(name), kKernelFileLimit));
  while (!value.empty() && (value.back() == '\n' || value.back() == ' ')) value.pop_back();
  return value;
}

Result<void> WriteSysctl(std::string_view name, std::string_view value) {
  TRY(std::string current, ReadSysctl(name));
  if (current == value) return {};
  return WriteExisting(PathOf(name), value);
}

}  // namespace sampan::os
