// Kernel settings by their dotted names, "net.ipv4.ip_forward". Of the calling thread's network namespace for net.*.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace sampan::os {

Result<std::string> ReadSysctl(std::string_view name);  // without the line's end; NotFound when the kernel has none such
// Does nothing when the value is that already (so that a read-only /proc/sys with the right values is fine).
Result<void> WriteSysctl(std::string_view name, std::string_view value);

}  // namespace sampan::os
