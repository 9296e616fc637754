// The calls of os/file.h that walk directories. They work with descriptors relative to the parent, so that a rename or a
// planted symbolic link cannot lead them elsewhere, and what they hold does not grow with the tree.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "os/errno.h"
#include "os/fd.h"
#include "os/file.h"

namespace sampan::os {

namespace {

constexpr size_t kMostNames = 1'000'000;  // of one listing
constexpr size_t kOpenLevels = 32;        // directories that are open at a time while a tree is removed
constexpr int kMostPasses = 100;          // over one directory that is filled while it is emptied

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, DirCloser>;

constexpr int kOpenDir = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Result<Dir> OpenDirAt(int parent, const char* name, const std::string& path) {
  Fd directory(::openat(parent, name, kOpenDir));
  if (!directory) return Fail(LastError(path));
  Dir dir(::fdopendir(directory.get()));
  if (!dir) return Fail(LastError(path));
  directory.Release();
  return dir;
}

// The next entry but "." and ".."; null at the end, which a directory that was removed meanwhile is at.
Result<dirent*> NextEntry(DIR* dir, const std::string& path) {
  while (true) {
    errno = 0;
    dirent* entry = ::readdir(dir);
    if (entry == nullptr && errno != 0 && errno != ENOENT) return Fail(LastError(path));
    if (entry == nullptr) return entry;
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") return entry;
  }
}

// Empties a directory in rounds. A round descends kOpenLevels and no further: a directory below that, which is not empty, is
// moved to one beside the top, whose turn comes in the next round. So each entry is touched once, and neither the stack nor
// memory nor descriptors nor paths grow with the depth. What somebody else removes at the same time is as good as removed.
class TreeRemover {
 public:
  // `top` outlives it.
  TreeRemover(int top, const std::string& path) : top_(top), path_(path) {}

  Result<void> Run() {
    TRY_VOID(Empty("."));
    while (!deep_.empty()) {
      const std::string round = std::exchange(deep_, {});
      TRY_VOID(Empty(round.c_str()));
      if (::unlinkat(top_, round.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return Fail(LastError(path_));
    }
    return {};
  }

 private:
  struct Level {
    Dir dir;
    std::string name;  // in the level above
    bool removed_some = false;
    int passes = 0;
    int fd() const { return ::dirfd(dir.get()); }
  };

  // What is in the directory `name` below the top.
  Result<void> Empty(const char* name) {
    std::vector<Level> levels;
    Result<Dir> first = OpenDirAt(top_, name, path_);
    if (!first && first.error().Is(Reason::kNotFound)) return {};
    if (!first) return Fail(first.error());
    levels.push_back({*std::move(first)});
    while (!levels.empty()) {
      Level& level = levels.back();
      TRY(dirent * entry, NextEntry(level.dir.get(), path_));
      if (entry != nullptr) {
        TRY(bool descend, Remove(level, entry, levels.size()));
        if (!descend) continue;
        std::string child = entry->d_name;
        Result<Dir> opened = OpenDirAt(level.fd(), child.c_str(), path_);
        if (!opened && opened.error().Is(Reason::kNotFound)) continue;
        if (!opened) return Fail(opened.error());
        levels.push_back({*std::move(opened), std::move(child)});
      } else {
        TRY(bool ended, Leave(levels));
        if (ended) levels.pop_back();
      }
    }
    return {};
  }

  // True when the entry is a directory to be emptied first.
  Result<bool> Remove(Level& level, dirent* entry, size_t depth) {
    const char* name = entry->d_name;
    if (depth == 1 && deep_ == name) return false;
    level.removed_some = true;
    if (entry->d_type != DT_DIR) {
      if (::unlinkat(level.fd(), name, 0) == 0 || errno == ENOENT) return false;
      if (errno != EISDIR && errno != EPERM) return Fail(LastError(path_));
    }
    if (::unlinkat(level.fd(), name, AT_REMOVEDIR) == 0 || errno == ENOENT) return false;
    // A mount point is EBUSY, whatever is in it.
    if (errno != ENOTEMPTY && errno != EEXIST) return Fail(LastError(path_));
    if (depth < kOpenLevels) return true;
    TRY_VOID(PutAside(level.fd(), name));
    return false;
  }

  Result<void> PutAside(int parent, const char* name) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (deep_.empty()) {
        std::string fresh = RandomName();
        if (::mkdirat(top_, fresh.c_str(), 0700) != 0) return errno == ENOENT ? Result<void>() : Fail(LastError(path_));
        deep_ = std::move(fresh);
      }
      const std::string target = fmt::format("{}/{}", deep_, RandomName());
      if (::renameat(parent, name, top_, target.c_str()) == 0) return {};
      if (errno != ENOENT) return Fail(LastError(path_));
      // The entry is gone, or the directory beside the top is: another one is made then.
      if (::faccessat(top_, deep_.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return {};
      deep_.clear();
    }
    return {};
  }

  // At the end of a level's stream: true when the level is done. Entries come and go while they are read, so that one pass
  // may have missed some.
  Result<bool> Leave(std::vector<Level>& levels) {
    Level& level = levels.back();
    const bool is_first = levels.size() == 1;
    if (!is_first) {
      const int parent = levels[levels.size() - 2].fd();
      if (::unlinkat(parent, level.name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
      if (errno != ENOTEMPTY && errno != EEXIST) return Fail(LastError(path_));
    } else if (!level.removed_some) {
      return true;
    }
    if (++level.passes > kMostPasses || (!is_first && !level.removed_some)) return Fail(ErrnoError(ENOTEMPTY, path_));
    level.removed_some = false;
    ::rewinddir(level.dir.get());
    return false;
  }

  static std::string RandomName() {
    std::array<uint64_t, 2> random{};
    CHECK(::getentropy(random.data(), sizeof random) == 0);
    return fmt::format(".{:016x}{:016x}", random[0], random[1]);
  }

  const int top_;
  const std::string& path_;
  std::string deep_;  // beside the top: what was too deep for this round; empty while there is none
};

}  // namespace

Result<std::vector<std::string>> ListDir(const std::string& path) {
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Fail(LastError(path));
  Dir dir(::fdopendir(directory.get()));
  if (!dir) return Fail(LastError(path));
  directory.Release();
  std::vector<std::string> names;
  while (true) {
    TRY(dirent * entry, NextEntry(dir.get(), path));
    if (entry == nullptr) break;
    if (names.size() == kMostNames) {
      return Fail(Error(Reason::kRequestEntityTooLarge, fmt::format("{}: more than {} entries", path, kMostNames)));
    }
    names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> RemoveAll(const std::string& path) {
  std::string_view trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.remove_suffix(1);
  const std::string parent_path(DirName(trimmed)), name(BaseName(trimmed));
  Fd parent(::open(parent_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return errno == ENOENT ? Result<void>() : Fail(LastError(parent_path));
  // Where no such name can be there is nothing.
  if (::unlinkat(parent.get(), name.c_str(), 0) == 0 || errno == ENOENT || errno == ENAMETOOLONG) return {};
  if (errno != EISDIR && errno != EPERM) return Fail(LastError(path));
  if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
  if (errno != ENOTEMPTY && errno != EEXIST) return errno == ENOENT ? Result<void>() : Fail(LastError(path));
  Fd top(::openat(parent.get(), name.c_str(), kOpenDir));
  if (!top) return errno == ENOENT ? Result<void>() : Fail(LastError(path));
  for (int pass = 0; pass < kMostPasses; ++pass) {
    TRY_VOID(TreeRemover(top.get(), path).Run());
    if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno != ENOTEMPTY && errno != EEXIST) break;
  }
  return Fail(LastError(path));
}

}  // namespace sampan::os
