// What the host-port plugin leaves in the nat table. Pure.
#pragma once

#include <string>
#include <string_view>

namespace sampan::node {

struct HostPortRules {
  std::string text;             // the saved table without the plugin's chains and the rules that lead to them
  bool empty = false;           // nothing is left in it
  bool kept_by_others = false;  // a pod's own chain is still there
};
// `saved` is the output of iptables-save.
HostPortRules WithoutHostPortChains(std::string_view saved);

}  // namespace sampan::node
