#include "node/volumes/atomic_writer.h"

#include <fmt/chrono.h>

#include <set>

#include "os/file.h"

namespace sampan::node {
namespace {

constexpr std::string_view kDataLink = "..data";

Result<void> CheckPath(std::string_view path) {
  std::string_view rest = path;
  bool good = !path.empty() && path.front() != '/';
  while (good && !rest.empty()) {
    size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view part = rest.substr(0, slash);
    good = !part.empty() && part != "." && part != "..";
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  if (!good || path.starts_with("..")) return Fail(Error::BadRequest("invalid path \"{}\" in a volume", path));
  return {};
}

std::string TopOf(std::string_view path) {
  return std::string(path.substr(0, path.find('/')));
}

bool SameContent(const std::string& data_dir, const VolumePayload& payload, const std::set<std::string>& tops) {
  auto present = os::ListDir(data_dir);
  if (!present || present->size() != tops.size()) return false;
  for (const auto& [path, file] : payload) {
    std::string full = os::JoinPath(data_dir, path);
    auto stat = os::LStat(full);
    if (!stat || stat->mode != file.mode) return false;
    auto text = os::ReadFile(full, file.data.size(), os::Links::kRefuse);
    if (!text || *text != file.data) return false;
  }
  return true;
}

Result<void> WriteFiles(const std::string& target, const VolumePayload& payload, std::optional<int64_t> group) {
  TRY_VOID(os::MakeDirs(target, 0755));
  if (group) TRY_VOID(os::Chown(target, -1, *group));
  for (const auto& [path, file] : payload) {
    std::string full = os::JoinPath(target, path);
    TRY_VOID(os::MakeDirs(std::string(os::DirName(full)), 0755));
    mode_t mode = group ? file.mode | 0440 : file.mode;
    TRY_VOID(os::WriteFileAtomic(full, file.data, {.mode = mode, .sync = os::Sync::kNo}));
    if (group || file.owner_uid) TRY_VOID(os::Chown(full, file.owner_uid.value_or(-1), group.value_or(-1)));
  }
  return {};
}

}  // namespace

Result<void> WriteVolume(const std::string& dir, const VolumePayload& payload, std::optional<int64_t> group, WallTime now) {
  std::set<std::string> tops;
  for (const auto& [path, file] : payload) {
    TRY_VOID(CheckPath(path));
    tops.insert(TopOf(path));
  }
  const std::string data_link = os::JoinPath(dir, kDataLink);
  std::string old = os::ReadSymlink(data_link).value_or("");
  VolumePayload written = payload;
  if (group) {
    for (auto& [path, file] : written) file.mode |= 0440;
  }
  if (!old.empty() && SameContent(os::JoinPath(dir, old), written, tops)) return {};

  auto since_epoch = now.time_since_epoch();
  int64_t micros = std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
  std::string name = fmt::format("..{:%Y_%m_%d_%H_%M_%S}.{:06}", fmt::gmtime(micros / 1'000'000), micros % 1'000'000);
  if (name == old) name += "x";
  TRY_VOID(WriteFiles(os::JoinPath(dir, name), payload, group));
  TRY_VOID(os::SwapSymlink(data_link, name));
  for (const std::string& top : tops) {
    std::string link = os::JoinPath(dir, top);
    if (!os::Exists(link)) TRY_VOID(os::SwapSymlink(link, fmt::format("{}/{}", kDataLink, top)));
  }
  // Names that are no more, and the former content.
  TRY(std::vector<std::string> entries, os::ListDir(dir));
  for (const std::string& entry : entries) {
    if (!entry.starts_with("..") && !tops.contains(entry)) TRY_VOID(os::RemoveAll(os::JoinPath(dir, entry)));
    if (entry.starts_with("..2") && entry != name) TRY_VOID(os::RemoveAll(os::JoinPath(dir, entry)));
  }
  return {};
}

}  // namespace sampan::node
