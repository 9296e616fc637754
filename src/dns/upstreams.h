// The resolvers that this host uses, and which of them answer.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace sampan::dns {

struct Upstream {
  sockaddr_storage address = {};
  socklen_t length = 0;
  std::string text;  // "192.168.0.1:53"

  // "192.168.0.1", "192.168.0.1:5353", "fd00::1", "[fd00::1]:5353"; nothing when malformed.
  static std::optional<Upstream> Parse(std::string_view text);
  bool operator==(const Upstream& other) const { return text == other.text; }
};

// The name servers of a resolv.conf, in order, each once, but for `excluded` (our own addresses: asking them would go
// round in circles).
std::vector<Upstream> ParseResolvConf(std::string_view text, const std::vector<std::string>& excluded);

// Which upstream is asked next. Not thread-safe.
class UpstreamList {
 public:
  explicit UpstreamList(std::vector<Upstream> upstreams);
  // Those that answered lately first, in the given order; then those that did not. Empty when there are none.
  std::vector<Upstream> Order(MonoTime now) const;
  void Failed(const Upstream& upstream, MonoTime now);
  void Answered(const Upstream& upstream);
  // Keeps what is known of those that stay.
  void Replace(std::vector<Upstream> upstreams);
  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    Upstream upstream;
    std::optional<MonoTime> down_until;
  };
  std::vector<Entry> entries_;
};

}  // namespace sampan::dns
