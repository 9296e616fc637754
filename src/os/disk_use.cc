#include "os/disk_use.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <string_view>
#include <vector>

#include "os/fd.h"

namespace sampan::os {
namespace {

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, DirCloser>;

constexpr uint64_t kBlock = 512;  // of st_blocks, whatever the file system's are

Dir OpenAt(int parent, const char* name) {
  Fd directory(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Dir dir(directory ? ::fdopendir(directory.get()) : nullptr);
  if (dir) directory.Release();
  return dir;
}

// One directory is open at a time. Those above it are found again by "..", as long as it leads where they were.
class Counter {
 public:
  Counter(Dir dir, const struct stat& top, size_t most) : dir_(std::move(dir)), here_(top), most_(most) {}

  DiskUse Count() {
    while (dir_ != nullptr) {
      const dirent* entry = ::readdir(dir_.get());
      if (entry == nullptr) {
        if (above_.empty()) return use_;
        GoUp();
        continue;
      }
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (use_.entries == most_) break;
      Take(entry->d_name);
    }
    use_.extent = DiskUse::Extent::kPart;
    return use_;
  }

 private:
  struct Place {
    struct stat directory;
    long next;  // entry
  };

  void Take(const char* name) {
    struct stat status{};
    if (::fstatat(::dirfd(dir_.get()), name, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_dev != here_.st_dev) return;
    ++use_.entries;
    const bool directory = S_ISDIR(status.st_mode);
    // Each name of a file with several has its part.
    use_.bytes +=
        static_cast<uint64_t>(status.st_blocks) * kBlock / (directory || status.st_nlink == 0 ? 1 : status.st_nlink);
    if (!directory) return;
    Dir below = OpenAt(::dirfd(dir_.get()), name);
    struct stat opened{};
    if (below == nullptr || ::fstat(::dirfd(below.get()), &opened) != 0 || opened.st_dev != here_.st_dev) return;
    above_.push_back({here_, ::telldir(dir_.get())});
    dir_ = std::move(below);
    here_ = opened;
  }

  void GoUp() {
    const Place place = above_.back();
    above_.pop_back();
    dir_ = OpenAt(::dirfd(dir_.get()), "..");
    struct stat opened{};
    const bool same = dir_ != nullptr && ::fstat(::dirfd(dir_.get()), &opened) == 0 &&
                      opened.st_ino == place.directory.st_ino && opened.st_dev == place.directory.st_dev;
    if (!same) {
      dir_ = nullptr;
      return;
    }
    here_ = place.directory;
    ::seekdir(dir_.get(), place.next);
  }

  Dir dir_;
  struct stat here_;
  const size_t most_;
  std::vector<Place> above_;
  DiskUse use_;
};

}  // namespace

DiskUse DiskUseOf(const std::string& path, size_t most_entries) {
  Dir dir = OpenAt(AT_FDCWD, path.c_str());
  struct stat top{};
  if (dir == nullptr || ::fstat(::dirfd(dir.get()), &top) != 0) return {};
  return Counter(std::move(dir), top, most_entries).Count();
}

}  // namespace sampan::os
