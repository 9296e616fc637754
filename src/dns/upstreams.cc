#include "dns/upstreams.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sampan::dns {

namespace {

constexpr Duration kDownTime = std::chrono::seconds(5);
constexpr uint16_t kDnsPort = 53;

}  // namespace

std::optional<Upstream> Upstream::Parse(std::string_view text) {
  std::string_view host = text;
  std::string_view port_text;
  bool v6 = std::count(text.begin(), text.end(), ':') > 1;
  if (text.starts_with('[')) {
    size_t close = text.find(']');
    if (close == text.npos) return std::nullopt;
    host = text.substr(1, close - 1);
    if (close + 1 < text.size()) port_text = text.substr(close + 2);
  } else if (!v6 && text.find(':') != text.npos) {
    host = text.substr(0, text.find(':'));
    port_text = text.substr(text.find(':') + 1);
  }
  uint16_t port = kDnsPort;
  if (!port_text.empty()) {
    auto parsed = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (parsed.ec != std::errc() || parsed.ptr != port_text.data() + port_text.size()) return std::nullopt;
  }
  Upstream upstream;
  std::string address(host.substr(0, host.find('%')));
  if (v6) {
    auto* raw = reinterpret_cast<sockaddr_in6*>(&upstream.address);
    raw->sin6_family = AF_INET6;
    raw->sin6_port = htons(port);
    if (::inet_pton(AF_INET6, address.c_str(), &raw->sin6_addr) != 1) return std::nullopt;
    upstream.length = sizeof(sockaddr_in6);
    upstream.text = fmt::format("[{}]:{}", address, port);
  } else {
    auto* raw = reinterpret_cast<sockaddr_in*>(&upstream.address);
    raw->sin_family = AF_INET;
    raw->sin_port = htons(port);
    if (::inet_pton(AF_INET, address.c_str(), &raw->sin_addr) != 1) return std::nullopt;
    upstream.length = sizeof(sockaddr_in);
    upstream.text = fmt::format("{}:{}", address, port);
  }
  return upstream;
}

std::vector<Upstream> ParseResolvConf(std::string_view text, const std::vector<std::string>& excluded) {
  constexpr std::string_view kKeyword = "nameserver";
  std::vector<Upstream> upstreams;
  while (!text.empty()) {
    size_t newline = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(std::min(newline + 1, text.size()));
    if (!line.starts_with(kKeyword)) continue;
    line.remove_prefix(kKeyword.size());
    size_t start = line.find_first_not_of(" \t");
    if (start == line.npos || start == 0) continue;
    line.remove_prefix(start);
    line = line.substr(0, line.find_first_of(" \t\r#;"));
    if (std::find(excluded.begin(), excluded.end(), line) != excluded.end()) continue;

    std::optional<Upstream> upstream = Upstream::Parse(line);
    if (upstream && std::find(upstreams.begin(), upstreams.end(), *upstream) == upstreams.end()) {
      upstreams.push_back(*std::move(upstream));
    }
  }
  return upstreams;
}

UpstreamList::UpstreamList(std::vector<Upstream> upstreams) {
  Replace(std::move(upstreams));
}

std::vector<Upstream> UpstreamList::Order(MonoTime now) const {
  std::vector<Upstream> order;
  for (bool down : {false, true}) {
    for (const Entry& entry : entries_) {
      if ((entry.down_until && *entry.down_until > now) == down) order.push_back(entry.upstream);
    }
  }
  return order;
}

void UpstreamList::Failed(const Upstream& upstream, MonoTime now) {
  for (Entry& entry : entries_) {
    if (entry.upstream == upstream) entry.down_until = now + kDownTime;
  }
}

void UpstreamList::Answered(const Upstream& upstream) {
  for (Entry& entry : entries_) {
    if (entry.upstream == upstream) entry.down_until.reset();
  }
}

void UpstreamList::Replace(std::vector<Upstream> upstreams) {
  std::vector<Entry> entries;
  for (Upstream& upstream : upstreams) {
    auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.upstream == upstream; });
    entries.push_back({std::move(upstream), known == entries_.end() ? std::nullopt : known->down_until});
  }
  entries_ = std::move(entries);
}

}  // namespace sampan::dns
