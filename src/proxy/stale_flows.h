// Which tracked UDP flows lead to the wrong place after services changed. TCP needs none of this: its connections end or
// are reset, but a UDP flow keeps its translation for as long as its client sends. Pure.
#pragma once

#include <set>
#include <span>
#include <string>
#include <tuple>

#include "os/conntrack.h"
#include "proxy/service_port.h"

namespace sampan::proxy {

class StaleFlows {
 public:
  // Notes what a change of one service makes stale: flows to backends that are gone, and flows that were not translated
  // because the service had no backend.
  void Note(std::span<const ServicePort> before, std::span<const ServicePort> after);
  bool empty() const { return gone_.empty() && untranslated_.empty(); }
  bool Contains(const os::Flow& flow) const;

 private:
  using Service = std::pair<std::string, uint16_t>;  // address ("" for node ports) and port
  void NoteGone(const ServicePort& port, const Backend& backend);

  std::set<std::pair<Service, Backend>> gone_;
  std::set<Service> untranslated_;
};

}  // namespace sampan::proxy
