#include "node/logs/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "node/logs/log_file.h"
#include "os/errno.h"

namespace sampan::node {

namespace {
constexpr size_t kBlock = 64 * 1024;
}

Result<LogReader> LogReader::Open(std::string path, LogOptions options) {
  LogReader reader(std::move(path), std::move(options));
  TRY_VOID(reader.OpenFile());
  if (reader.options_.tail_lines) TRY_VOID(reader.SeekTail(*reader.options_.tail_lines));
  return reader;
}

Result<void> LogReader::OpenFile() {
  file_ = os::Fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!file_ || fstat(file_.get(), &status) != 0) return Fail(os::LastError(path_));
  inode_ = status.st_ino;
  return {};
}

// Puts the position behind the (lines+1)-th newline from the end.
Result<void> LogReader::SeekTail(int64_t lines) {
  off_t end = lseek(file_.get(), 0, SEEK_END);
  if (lines <= 0) return {};
  std::string block(kBlock, '\0');
  int64_t seen = 0;
  for (off_t at = end; at > 0;) {
    size_t size = static_cast<size_t>(std::min<off_t>(at, kBlock));
    at -= static_cast<off_t>(size);
    if (pread(file_.get(), block.data(), size, at) != static_cast<ssize_t>(size)) return Fail(os::LastError(path_));
    for (size_t i = size; i-- > 0;) {
      if (block[i] != '\n' || at + static_cast<off_t>(i) + 1 == end) continue;
      if (++seen < lines) continue;
      lseek(file_.get(), at + static_cast<off_t>(i) + 1, SEEK_SET);
      return {};
    }
  }
  lseek(file_.get(), 0, SEEK_SET);
  return {};
}

Result<std::string> LogReader::Next() {
  std::string out;
  std::string block(kBlock, '\0');
  while (out.empty() && !done()) {
    ssize_t got = read(file_.get(), block.data(), block.size());
    if (got < 0) return Fail(os::LastError(path_));
    if (got == 0) {
      TRY(bool switched, SwitchFile());
      if (switched) continue;
      return out;
    }
    pending_.append(block.data(), static_cast<size_t>(got));
    size_t begin = 0;
    for (size_t end; !done() && (end = pending_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      Format(std::string_view(pending_).substr(begin, end - begin), out);
    }
    pending_.erase(0, begin);
  }
  return out;
}

void LogReader::Format(std::string_view line, std::string& out) {
  std::optional<LogLine> parsed = ParseLogLine(line);
  if (!parsed) return;
  if (options_.stream == "Stdout" && parsed->stream != "stdout") return;
  if (options_.stream == "Stderr" && parsed->stream != "stderr") return;
  if (options_.since && !since_passed_) {
    std::optional<WallTime> time = ParseTime(parsed->time);
    if (time && *time < *options_.since) return;
    since_passed_ = true;  // lines are in order of time
  }
  const size_t before = out.size();
  if (options_.timestamps) {
    out += parsed->time;
    out += ' ';
  }
  out += parsed->text;
  if (!parsed->partial) out += '\n';
  if (!options_.limit_bytes) return;
  int64_t added = static_cast<int64_t>(out.size() - before);
  if (added > *options_.limit_bytes) out.resize(before + static_cast<size_t>(*options_.limit_bytes));
  *options_.limit_bytes -= added;
}

// True when the file has been rotated away and the new one is open.
Result<bool> LogReader::SwitchFile() {
  struct stat status{};
  if (stat(path_.c_str(), &status) != 0 || status.st_ino == inode_) return false;
  TRY_VOID(OpenFile());
  pending_.clear();
  return true;
}

}  // namespace sampan::node
