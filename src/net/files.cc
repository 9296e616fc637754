#include "net/pki.h"
#include "os/file.h"

namespace sampan::net {

Result<void> WriteFileAtomically(const std::string& path, std::string_view text, FileMode mode) {
  return os::WriteFileAtomic(path, text, {.mode = mode_t(mode == FileMode::kPrivate ? 0600 : 0644), .sync = os::Sync::kYes});
}

Result<std::string> ReadWholeFile(const std::string& path) {
  return os::ReadFile(path, os::kConfigFileLimit);
}

}  // namespace sampan::net
