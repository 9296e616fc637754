// The sockets of the server; for server.cc and its listeners only. Everything is on the loop's thread.
#pragma once

#include <sys/socket.h>

#include <array>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/io_loop.h"
#include "base/error.h"
#include "dns/resolver.h"
#include "os/fd.h"

namespace sampan::dns {

Result<os::Fd> BindSocket(const std::string& address, uint16_t port, int type);
uint16_t PortOf(const os::Fd& socket);
IpAddress AddressOf(const sockaddr_storage& peer);

struct SocketPair {
  os::Fd udp, tcp;
  uint16_t port = 0;
};
// Both on one port; for port 0 on one that is free for both.
Result<SocketPair> BindBoth(const std::string& address, uint16_t port);

// Reads and answers datagrams in batches: one system call for up to kBatch queries, one for their responses.
class UdpListener final : public IoLoop::Watcher {
 public:
  UdpListener(IoLoop& loop, Resolver& resolver, os::Fd socket);
  ~UdpListener();
  void OnReady(uint32_t events) override;

 private:
  static constexpr size_t kBatch = 32;
  struct Slot {
    sockaddr_storage peer;
    std::array<uint8_t, kMaxUdpSize> query;
    std::array<uint8_t, kMaxUdpSize> response;
  };
  bool ReadBatch();
  Resolver::Step Answer(Bytes message, Slot& slot, socklen_t length);
  void SendBatch(size_t count);

  IoLoop& loop_;
  Resolver& resolver_;
  os::Fd socket_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<Slot> slots_;
  std::array<mmsghdr, kBatch> received_;
  std::array<iovec, kBatch> received_parts_;
  std::array<mmsghdr, kBatch> sent_;
  std::array<iovec, kBatch> sent_parts_;
};

class TcpListener final : public IoLoop::Watcher {
 public:
  struct Limits {
    size_t connections = 0;
    size_t per_client = 0;
    Duration idle_timeout{0};  // between whole queries: single bytes do not keep a connection
  };
  TcpListener(IoLoop& loop, Resolver& resolver, os::Fd socket, Limits limits);
  ~TcpListener();
  void OnReady(uint32_t events) override;

 private:
  class Connection;
  void Accept(os::Fd accepted, const sockaddr_storage& peer);
  void Remove(Connection* connection);

  IoLoop& loop_;
  Resolver& resolver_;
  os::Fd socket_;
  const Limits limits_;
  std::list<std::shared_ptr<Connection>> connections_;
  std::map<IpAddress, size_t> clients_;  // how many connections each has
};

}  // namespace sampan::dns
