#include "node/cni/host_port_rules.h"

#include <algorithm>

namespace sampan::node {
namespace {

// ":PREROUTING ACCEPT [0:0]" is a chain of the kernel's; ":NAME - [0:0]" is somebody's.
bool IsOwnChain(std::string_view line) {
  size_t space = line.find(' ');
  return line.starts_with(':') && space != std::string_view::npos && line.substr(space + 1).starts_with('-');
}

}  // namespace

HostPortRules WithoutHostPortChains(std::string_view saved) {
  HostPortRules rules;
  rules.empty = true;
  while (!saved.empty()) {
    size_t end = std::min(saved.find('\n'), saved.size());
    std::string_view line = saved.substr(0, end);
    saved.remove_prefix(std::min(end + 1, saved.size()));
    if (line.starts_with(":CNI-DN-")) rules.kept_by_others = true;
    if (line.find("CNI-HOSTPORT-") != std::string_view::npos) continue;
    if (line.starts_with("-A") || IsOwnChain(line)) rules.empty = false;
    rules.text += line;
    rules.text += '\n';
  }
  return rules;
}

}  // namespace sampan::node
