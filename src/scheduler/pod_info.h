// A pod as the scheduler sees it: what it asks for, worked out once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/typed_ptr.h"
#include "scheduler/relations.h"
#include "scheduler/resources.h"

namespace sampan::scheduler {

using PodPtr = client::TypedPtr<api::core::Pod>;

struct HostPort {
  std::string ip;  // "0.0.0.0" for all addresses
  std::string protocol;
  int32_t port = 0;
  bool operator==(const HostPort&) const = default;
};

struct PodInfo {
  PodPtr pod;
  int32_t priority = 0;
  Resources requests;
  Resources scoring;
  std::vector<HostPort> host_ports;
  std::shared_ptr<const Relations> relations;  // null when it says nothing about other pods

  explicit PodInfo(PodPtr pod);
  const api::core::PodSpec& spec() const { return *spec_; }

 private:
  const api::core::PodSpec* spec_;  // what `pod` points to, so that filters need not ask for it
};

using PodInfoPtr = std::shared_ptr<const PodInfo>;

// Whether two ports on one node collide: same port and protocol, and the same address or one of them on all addresses.
bool Collide(const HostPort& a, const HostPort& b);

}  // namespace sampan::scheduler
