#include "apiserver/gate/audit/rotation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>

namespace sampan::apiserver::audit {

namespace {

constexpr int kMode = 0600;
constexpr int64_t kDefaultSizeMb = 100;
constexpr std::string_view kStandardOutput = "-";

struct Parts {
  std::string stem, extension;  // "audit", ".log"
};

Parts PartsOf(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).filename();
  return {name.stem().string(), name.extension().string()};
}

std::string Stamp(WallTime now) {
  auto time = std::chrono::floor<std::chrono::milliseconds>(now);
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date{day};
  std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}-{:02}-{:02}.{:03}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

// The stamp within a rotated file's name; empty when it is none.
std::string_view StampOf(std::string_view name, const Parts& parts) {
  std::string prefix = parts.stem + "-";
  if (!name.starts_with(prefix) || !name.ends_with(parts.extension)) return {};
  name.remove_prefix(prefix.size());
  if (name.size() <= parts.extension.size()) return {};
  name.remove_suffix(parts.extension.size());
  constexpr std::string_view kForm = "0000-00-00T00-00-00.000";
  bool fits = name.size() == kForm.size() && std::ranges::equal(name, kForm, [](char c, char form) {
                return form == '0' ? c >= '0' && c <= '9' : c == form;
              });
  return fits ? name : std::string_view();
}

std::vector<std::string> NamesIn(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

std::filesystem::path DirectoryOf(const std::string& path) {
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? std::filesystem::path(".") : parent;
}

}  // namespace

std::string RotatedName(const std::string& path, WallTime now) {
  Parts parts = PartsOf(path);
  return (DirectoryOf(path) / fmt::format("{}-{}{}", parts.stem, Stamp(now), parts.extension)).string();
}

std::vector<std::string> Outdated(const LogOptions& options, std::vector<std::string> names, WallTime now) {
  Parts parts = PartsOf(options.path);
  std::erase_if(names, [&](const std::string& name) { return StampOf(name, parts).empty(); });
  std::ranges::sort(names, std::greater<>());  // the newest first: stamps sort as times do
  std::string oldest = options.max_age_days > 0 ? Stamp(now - std::chrono::days(options.max_age_days)) : "";
  auto kept = [&, position = int64_t{0}](const std::string& name) mutable {
    bool few = options.max_backups <= 0 || position < options.max_backups;
    ++position;
    return few && StampOf(name, parts) >= oldest;
  };
  std::erase_if(names, kept);
  return names;
}

RotatingFile::~RotatingFile() {
  if (fd_ > STDERR_FILENO) close(fd_);
}

Result<void> RotatingFile::Open() {
  if (fd_ >= 0) return {};
  if (options_.path == kStandardOutput) {
    fd_ = STDOUT_FILENO;
    return {};
  }
  std::error_code ignored;  // the file tells
  std::filesystem::create_directories(DirectoryOf(options_.path), ignored);
  fd_ = open(options_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
  if (fd_ < 0) return Fail(Error::Errno(errno, options_.path));
  struct stat status{};
  size_ = fstat(fd_, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
  return {};
}

Result<void> RotatingFile::Rotate(WallTime now) {
  close(fd_);
  fd_ = -1;
  if (rename(options_.path.c_str(), RotatedName(options_.path, now).c_str()) != 0) {
    return Fail(Error::Errno(errno, options_.path));
  }
  std::filesystem::path directory = DirectoryOf(options_.path);
  for (const std::string& name : Outdated(options_, NamesIn(directory), now)) unlink((directory / name).c_str());
  return Open();
}

Result<void> RotatingFile::Append(std::string_view lines, WallTime now) {
  TRY_VOID(Open());
  auto limit = static_cast<uint64_t>(options_.max_size_mb > 0 ? options_.max_size_mb : kDefaultSizeMb) << 20;
  bool full = size_ > 0 && size_ + lines.size() > limit;
  if (full && options_.path != kStandardOutput) TRY_VOID(Rotate(now));
  while (!lines.empty()) {
    ssize_t written = write(fd_, lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(Error::Errno(errno, options_.path));
    lines.remove_prefix(static_cast<size_t>(written));
    size_ += static_cast<uint64_t>(written);
  }
  return {};
}

}  // namespace sampan::apiserver::audit
