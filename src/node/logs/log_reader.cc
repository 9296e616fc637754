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
constexpr size_t kMostRead = 4 << 20;            // in one call
constexpr size_t kLongestLine = 1 << 20;         // the runtime's are of 16 KiB
constexpr off_t kMostSought = off_t{256} << 20;  // from the end, for lines: more than a log has before it is rotated
}  // namespace

Result<LogReader> LogReader::Open(std::string path, LogOptions options) {
  LogReader reader(std::move(path), std::move(options));
  TRY_VOID(reader.OpenFile());
  if (reader.options_.tail_lines) TRY_VOID(reader.SeekTail(*reader.options_.tail_lines));
  return reader;
}

Result<void> LogReader::OpenFile() {
  // Who may write into the log directory can put something else in the file's place.
  file_ = os::Fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  if (!file_ || fstat(file_.get(), &status) != 0) return Fail(os::LastError(path_));
  if (!S_ISREG(status.st_mode)) return Fail(Error::BadRequest("{}: not a regular file", path_));
  inode_ = status.st_ino;
  return {};
}

// Puts the position behind the (lines+1)-th newline from the end.
Result<void> LogReader::SeekTail(int64_t lines) {
  off_t end = lseek(file_.get(), 0, SEEK_END);
  if (lines <= 0) return {};
  std::string block(kBlock, '\0');
  int64_t seen = 0;
  const off_t least = std::max<off_t>(end - kMostSought, 0);
  for (off_t at = end; at > least;) {
    size_t size = static_cast<size_t>(std::min<off_t>(at - least, kBlock));
    at -= static_cast<off_t>(size);
    if (pread(file_.get(), block.data(), size, at) != static_cast<ssize_t>(size)) return Fail(os::LastError(path_));
    for (size_t i = size; i-- > 0;) {
      if (block[i] != '\n' || at + static_cast<off_t>(i) + 1 == end) continue;
      if (++seen < lines) continue;
      lseek(file_.get(), at + static_cast<off_t>(i) + 1, SEEK_SET);
      return {};
    }
  }
  lseek(file_.get(), least, SEEK_SET);
  return {};
}

Result<std::string> LogReader::Next() {
  std::string out;
  std::string block(kBlock, '\0');
  at_end_ = false;
  for (size_t read_now = 0; out.empty() && !done() && read_now < kMostRead;) {
    ssize_t got = read(file_.get(), block.data(), block.size());
    if (got < 0) return Fail(os::LastError(path_));
    if (got == 0) {
      TRY(bool switched, SwitchFile());
      if (switched) continue;
      at_end_ = true;
      return out;
    }
    read_now += static_cast<size_t>(got);
    Take(std::string_view(block).substr(0, static_cast<size_t>(got)), out);
  }
  return out;
}

void LogReader::Take(std::string_view data, std::string& out) {
  // The end of a line is sought in what is new only.
  while (!data.empty() && !done()) {
    const size_t end = data.find('\n');
    if (!skipping_) pending_.append(data.substr(0, end));
    if (pending_.size() > kLongestLine) {
      skipping_ = true;
      pending_ = std::string();
    }
    if (end == data.npos) return;
    if (!skipping_) Format(pending_, out);
    skipping_ = false;
    pending_.clear();
    data.remove_prefix(end + 1);
  }
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
  skipping_ = false;
  return true;
}

}  // namespace sampan::node
