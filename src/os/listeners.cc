#include "os/listeners.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "os/file.h"

namespace sampan::os {
namespace {

constexpr std::string_view kTcpListens = "0A";
constexpr std::string_view kUdpUnconnected = "07";
constexpr size_t kDigits = 8;  // of each 32 bits of an address, in the machine's order of bytes

std::string_view TakeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

template <class Number>
std::optional<Number> Hexadecimal(std::string_view text) {
  Number number = 0;
  auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "0100007F" is 127.0.0.1; empty for the address that means all.
std::optional<std::string> AddressOf(std::string_view text) {
  std::array<uint32_t, 4> words{};
  const size_t count = text.size() / kDigits;
  if (text.size() != kDigits && text.size() != 4 * kDigits) return std::nullopt;
  for (size_t i = 0; i < count; ++i) {
    std::optional<uint32_t> word = Hexadecimal<uint32_t>(text.substr(i * kDigits, kDigits));
    if (!word) return std::nullopt;
    words[i] = *word;
  }
  const bool mapped = count == 4 && words[0] == 0 && words[1] == 0 && words[2] == htonl(0xffff);
  const uint32_t* first = mapped ? &words[3] : words.data();
  if (std::ranges::all_of(words, [](uint32_t word) { return word == 0; }) || (mapped && *first == 0)) return std::string();
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(count == 1 || mapped ? AF_INET : AF_INET6, first, out.data(), out.size());
  return std::string(out.data());
}

}  // namespace

void AddListeners(std::string_view table, Listener::Protocol protocol, std::vector<Listener>& listeners) {
  const std::string_view wanted = protocol == Listener::Protocol::kTcp ? kTcpListens : kUdpUnconnected;
  while (!table.empty()) {
    const size_t end = std::min(table.find('\n'), table.size());
    std::string_view line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    TakeWord(line);  // its number
    const std::string_view local = TakeWord(line);
    TakeWord(line);  // the peer
    const size_t colon = local.find(':');
    if (TakeWord(line) != wanted || colon == local.npos) continue;
    std::optional<std::string> address = AddressOf(local.substr(0, colon));
    std::optional<uint16_t> port = Hexadecimal<uint16_t>(local.substr(colon + 1));
    if (address && port) listeners.push_back({protocol, *std::move(address), *port});
  }
}

std::vector<Listener> HostListeners() {
  std::vector<Listener> listeners;
  for (auto [file, protocol] : {std::pair("tcp", Listener::Protocol::kTcp), std::pair("tcp6", Listener::Protocol::kTcp),
                                std::pair("udp", Listener::Protocol::kUdp), std::pair("udp6", Listener::Protocol::kUdp)}) {
    AddListeners(ReadFile(std::string("/proc/thread-self/net/") + file, kKernelFileLimit).value_or(""), protocol, listeners);
  }
  return listeners;
}

}  // namespace sampan::os
