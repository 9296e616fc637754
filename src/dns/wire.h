// DNS messages (RFC 1035, EDNS0 of RFC 6891): reading queries and writing responses. response.h has the other direction.
// Nothing here allocates on the way from a query to its response.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dns/address.h"

namespace sampan::dns {

enum class Type : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kHinfo = 13,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
  kOpt = 41,
  kAxfr = 252,
  kAny = 255,
};
enum class Rcode : uint8_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kBadVers = 16
};
constexpr uint16_t kClassIn = 1;

using Bytes = std::span<const uint8_t>;

constexpr size_t kHeaderSize = 12;
constexpr size_t kMaxUdpSize = 1232;  // what every path carries without fragments
constexpr size_t kMaxMessageSize = 65535;

// A parsed query. It refers to the bytes it was parsed from.
struct Query {
  uint16_t id = 0;
  bool recursion_desired = false;
  bool checking_disabled = false;
  Type type = Type::kA;
  uint16_t klass = kClassIn;
  Bytes question;  // name, type and class as they were sent
  bool edns = false;
  uint8_t edns_version = 0;
  bool dnssec_ok = false;
  uint16_t udp_size = 512;

  // Lower case, dotted, without the last dot; "" is the root. A dot within a label is written as '\1', which no name of
  // ours has.
  std::string_view name() const { return {text.data(), text_size}; }
  // The longest response that fits its sender's UDP buffer.
  size_t MaxUdpResponse() const;

  std::array<char, 256> text;
  size_t text_size = 0;
};

// What to do with bytes from the network: answer the query, answer with the rcode alone (the query has an id and nothing
// more), or drop them (too short, or a response).
struct Received {
  enum class Action : unsigned char { kAnswer, kRefuse, kDrop };
  Action action = Action::kDrop;
  Rcode rcode = Rcode::kNoError;
};
Received ParseQuery(Bytes message, Query& query);

// Writes a response to `query` into `buffer`: the question first, then records section by section (answers, then
// authority, then additional). Records that do not fit are left out; missing answers mark the response as truncated.
class ResponseWriter {
 public:
  enum class Section : unsigned char { kAnswer, kAuthority, kAdditional };

  ResponseWriter(std::span<uint8_t> buffer, const Query& query);

  // `owner` empty: the name asked for.
  void AddAddress(Section section, std::string_view owner, uint32_t ttl, const IpAddress& address);
  void AddName(Section section, std::string_view owner, Type type, uint32_t ttl, std::string_view target);  // CNAME, PTR, NS
  struct Srv {
    uint16_t priority = 0, weight = 0, port = 0;
    std::string_view target;
  };
  void AddSrv(std::string_view owner, uint32_t ttl, const Srv& srv);
  void AddText(std::string_view owner, uint32_t ttl, std::string_view text);
  void AddHinfo(std::string_view owner, uint32_t ttl, std::string_view cpu);
  struct Soa {
    std::string_view zone, primary, mailbox;
    uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
  };
  void AddSoa(Section section, uint32_t ttl, const Soa& soa);

  size_t answers() const { return counts_[0]; }
  // An answer was left out, so that no further one changes what the client does.
  bool truncated() const { return truncated_; }
  void MarkTruncated() { truncated_ = true; }
  enum class Authority : unsigned char { kNo, kYes };
  // Completes the header and the EDNS record; the size of the response.
  size_t Finish(Rcode rcode, Authority authority);

 private:
  struct Mark;
  Mark Begin(std::string_view owner, Type type, uint32_t ttl);
  void End(Section section, const Mark& mark);
  void Put8(uint8_t value);
  void Put16(uint16_t value);
  void Put32(uint32_t value);
  void PutName(std::string_view name);
  void PutBytes(Bytes bytes);

  std::span<uint8_t> buffer_;
  const Query& query_;
  size_t size_ = 0;
  size_t limit_;  // what is left to records
  bool overflow_ = false;
  bool truncated_ = false;
  std::array<uint16_t, 3> counts_ = {};
};

// A response of an rcode alone; its size. `buffer` holds at least kHeaderSize bytes.
size_t WriteRefusal(std::span<uint8_t> buffer, uint16_t id, Rcode rcode);

}  // namespace sampan::dns
