// Socket system calls with errors as values.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/error.h"

namespace sampan::net::detail {

std::string AddressText(const sockaddr_storage& address);  // "10.0.0.1:4711", "[::1]:80", "unix"
// No delay for small writes; dead peers are noticed within two minutes.
void TuneSocket(int fd);
// A listening non-blocking socket; `port` 0 becomes the one the kernel picked.
Result<int> ListenTcp(const std::string& address, uint16_t& port, int backlog);
// A non-blocking socket whose connect is under way. `address` is numeric, or "unix:/path".
Result<int> StartConnect(const std::string& address, uint16_t port);
bool IsNumericAddress(const std::string& host);

}  // namespace sampan::net::detail
