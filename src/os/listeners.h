// Who listens on this machine, by the kernel's tables of sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sampan::os {

struct Listener {
  enum class Protocol : unsigned char { kTcp, kUdp };
  Protocol protocol = Protocol::kTcp;
  std::string address;  // "127.0.0.1"; empty for all
  uint16_t port = 0;
  bool operator==(const Listener&) const = default;
};

// Adds those of a table as /proc/net/tcp, tcp6, udp and udp6 show it: sockets that wait for anybody. Pure.
void AddListeners(std::string_view table, Listener::Protocol protocol, std::vector<Listener>& listeners);

// All of this process's network namespace. A table that cannot be read has none. Blocks.
std::vector<Listener> HostListeners();

}  // namespace sampan::os
