// The kernel's table of tracked connections.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"

namespace sampan::os {

// One tracked connection. The reply side shows the translation: its source is the backend that a service was led to.
struct Flow {
  uint8_t protocol = 0;     // IPPROTO_UDP
  std::string source;       // of the first packet
  std::string destination;  // of the first packet: the service
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  std::string reply_source;
  uint16_t reply_source_port = 0;
};

// Not thread-safe; calls block.
class Conntrack {
 public:
  virtual ~Conntrack() = default;
  // Forgets every IPv4 and IPv6 flow of the protocol that `doomed` picks, so that its next packet is translated anew. How
  // many there were.
  virtual Result<size_t> Delete(uint8_t protocol, const std::function<bool(const Flow&)>& doomed) = 0;
};

// Forbidden without CAP_NET_ADMIN. Works on the network namespace of the calling thread at the time of each call.
Result<std::unique_ptr<Conntrack>> NewConntrack();

}  // namespace sampan::os
