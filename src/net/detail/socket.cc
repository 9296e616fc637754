#include "net/detail/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

namespace sampan::net::detail {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

Result<Address> ParseAddress(const std::string& text, uint16_t port) {
  Address address;
  if (text.starts_with("unix:")) {
    auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
    std::string_view path = std::string_view(text).substr(5);
    if (path.empty() || path.size() >= sizeof(local->sun_path))
      return Fail(Error::BadRequest("bad socket path \"{}\"", path));
    local->sun_family = AF_UNIX;
    std::memcpy(local->sun_path, path.data(), path.size());
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.length = sizeof(*v4);
    return address;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.length = sizeof(*v6);
    return address;
  }
  return Fail(Error::BadRequest("\"{}\" is not an IP address", text));
}

}  // namespace

std::string AddressText(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  return "unix";
}

void TuneSocket(int fd) {
  auto set = [fd](int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof(value)); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

Result<int> ListenTcp(const std::string& address, uint16_t& port, int backlog) {
  TRY(Address parsed, ParseAddress(address, port));
  int fd = socket(parsed.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail(Error::ServiceUnavailable("cannot make a socket: {}", strerror(errno)));
  int on = 1;
  int off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (parsed.storage.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (bind(fd, reinterpret_cast<sockaddr*>(&parsed.storage), parsed.length) != 0 || listen(fd, backlog) != 0) {
    Error error = Error::ServiceUnavailable("cannot listen on {}: {}", AddressText(parsed.storage), strerror(errno));
    close(fd);
    return Fail(std::move(error));
  }
  sockaddr_storage bound;
  socklen_t length = sizeof(bound);
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length);
  port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                           : reinterpret_cast<sockaddr_in&>(bound).sin_port);
  return fd;
}

Result<int> StartConnect(const std::string& address, uint16_t port) {
  TRY(Address parsed, ParseAddress(address, port));
  int fd = socket(parsed.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail(Error::ServiceUnavailable("cannot make a socket: {}", strerror(errno)));
  if (connect(fd, reinterpret_cast<sockaddr*>(&parsed.storage), parsed.length) != 0 && errno != EINPROGRESS) {
    Error error = Error::ServiceUnavailable("{}", strerror(errno));
    close(fd);
    return Fail(std::move(error));
  }
  if (parsed.storage.ss_family != AF_UNIX) TuneSocket(fd);
  return fd;
}

bool IsNumericAddress(const std::string& host) {
  return ParseAddress(host, 0).has_value();
}

}  // namespace sampan::net::detail
