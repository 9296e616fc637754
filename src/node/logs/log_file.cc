#include "node/logs/log_file.h"

#include <algorithm>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"

namespace sampan::node {

std::optional<LogLine> ParseLogLine(std::string_view line) {
  LogLine out;
  size_t first = line.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  size_t third = line.find(' ', second + 1);
  out.time = line.substr(0, first);
  out.stream = line.substr(first + 1, second - first - 1);
  std::string_view tag = line.substr(second + 1, (third == std::string_view::npos ? line.size() : third) - second - 1);
  if ((out.stream != "stdout" && out.stream != "stderr") || tag.empty()) return std::nullopt;
  out.partial = tag.front() == 'P';
  if (third != std::string_view::npos) out.text = line.substr(third + 1);
  return out;
}

std::string LogTail(const std::string& path, size_t lines, size_t bytes) {
  os::Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  // Each line carries about 45 bytes of its own.
  const size_t window = bytes + lines * 64;
  const off_t begin = std::max<off_t>(status.st_size - static_cast<off_t>(window), 0);
  std::string data(static_cast<size_t>(status.st_size - begin), '\0');
  ssize_t got = pread(file.get(), data.data(), data.size(), begin);
  if (got <= 0) return {};
  data.resize(static_cast<size_t>(got));
  std::vector<std::string> texts;
  std::string_view rest = data;
  if (begin > 0) rest.remove_prefix(std::min(rest.find('\n') + 1, rest.size()));
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    auto line = ParseLogLine(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line) texts.push_back(std::string(line->text) + (line->partial ? "" : "\n"));
  }
  std::string out;
  for (size_t i = texts.size() > lines ? texts.size() - lines : 0; i < texts.size(); ++i) out += texts[i];
  if (out.size() > bytes) out.erase(0, out.size() - bytes);
  return out;
}

}  // namespace sampan::node
