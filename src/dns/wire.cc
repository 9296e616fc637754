#include "dns/wire.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "dns/wire_internal.h"

namespace sampan::dns {

namespace {

constexpr uint16_t kResponse = 0x8000;
constexpr uint16_t kOpcodeMask = 0x7800;
constexpr uint16_t kAuthoritative = 0x0400;
constexpr uint16_t kTruncated = 0x0200;
constexpr uint16_t kRecursionDesired = 0x0100;
constexpr uint16_t kRecursionAvailable = 0x0080;
constexpr uint16_t kCheckingDisabled = 0x0010;
constexpr size_t kEdnsSize = 11;

// The name in front of the reader into query.text. Names of questions are not compressed.
bool ReadQuestionName(Reader& reader, Query& query) {
  size_t used = 0;
  while (true) {
    uint8_t length = reader.Get8();
    if (!reader.ok() || length > kMaxLabel) return false;
    if (length == 0) break;
    Bytes label = reader.Take(length);
    if (!reader.ok() || used + length + 1 >= query.text.size()) return false;
    if (used > 0) query.text[used++] = '.';
    for (uint8_t byte : label) query.text[used++] = LowerInText(byte);
  }
  query.text_size = used;
  return true;
}

// The EDNS record, if there is one among the additional records.
bool ReadEdns(Reader& reader, size_t records, Query& query) {
  for (size_t i = 0; i < records; ++i) {
    if (!reader.SkipName()) return false;
    uint16_t type = reader.Get16();
    uint16_t klass = reader.Get16();
    uint32_t ttl = reader.Get32();
    reader.Take(reader.Get16());
    if (!reader.ok()) return false;
    if (type != static_cast<uint16_t>(Type::kOpt)) continue;
    if (query.edns) return false;  // at most one
    query.edns = true;
    query.udp_size = std::max<uint16_t>(klass, 512);
    query.edns_version = static_cast<uint8_t>(ttl >> 16);
    query.dnssec_ok = (ttl & 0x8000) != 0;
  }
  return true;
}

}  // namespace

size_t Query::MaxUdpResponse() const {
  return std::min<size_t>(udp_size, kMaxUdpSize);
}

Received ParseQuery(Bytes message, Query& query) {
  using Action = Received::Action;
  if (message.size() < kHeaderSize) return {Action::kDrop};
  Reader reader(message);
  query.id = reader.Get16();
  uint16_t flags = reader.Get16();
  if ((flags & kResponse) != 0) return {Action::kDrop};
  if ((flags & kOpcodeMask) != 0) return {Action::kRefuse, Rcode::kNotImp};
  query.recursion_desired = (flags & kRecursionDesired) != 0;
  query.checking_disabled = (flags & kCheckingDisabled) != 0;
  uint16_t questions = reader.Get16();
  size_t others = reader.Get16();
  others += reader.Get16();
  size_t additional = reader.Get16();
  if (questions != 1 || others != 0) return {Action::kRefuse, Rcode::kFormErr};
  query.edns = false;
  query.udp_size = 512;
  if (!ReadQuestionName(reader, query)) return {Action::kRefuse, Rcode::kFormErr};
  query.type = static_cast<Type>(reader.Get16());
  query.klass = reader.Get16();
  if (!reader.ok()) return {Action::kRefuse, Rcode::kFormErr};
  query.question = message.subspan(kHeaderSize, reader.at() - kHeaderSize);
  if (!ReadEdns(reader, additional, query)) return {Action::kRefuse, Rcode::kFormErr};
  return {Action::kAnswer};
}

struct ResponseWriter::Mark {
  size_t start = 0;
  size_t length_at = 0;
};

ResponseWriter::ResponseWriter(std::span<uint8_t> buffer, const Query& query)
    : buffer_(buffer), query_(query), limit_(buffer.size() - (query.edns ? kEdnsSize : 0)) {
  CHECK(buffer.size() >= 512);
  size_ = kHeaderSize;
  PutBytes(query.question);
}

void ResponseWriter::Put8(uint8_t value) {
  if (size_ + 1 > limit_) {
    overflow_ = true;
    return;
  }
  buffer_[size_++] = value;
}

void ResponseWriter::Put16(uint16_t value) {
  Put8(static_cast<uint8_t>(value >> 8));
  Put8(static_cast<uint8_t>(value));
}

void ResponseWriter::Put32(uint32_t value) {
  Put16(static_cast<uint16_t>(value >> 16));
  Put16(static_cast<uint16_t>(value));
}

void ResponseWriter::PutBytes(Bytes bytes) {
  if (size_ + bytes.size() > limit_) {
    overflow_ = true;
    return;
  }
  std::memcpy(buffer_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void ResponseWriter::PutName(std::string_view name) {
  while (!name.empty()) {
    size_t dot = std::min(name.find('.'), name.size());
    size_t length = std::min(dot, kMaxLabel);
    Put8(static_cast<uint8_t>(length));
    PutBytes({reinterpret_cast<const uint8_t*>(name.data()), length});
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  Put8(0);
}

ResponseWriter::Mark ResponseWriter::Begin(std::string_view owner, Type type, uint32_t ttl) {
  Mark mark{.start = size_};
  overflow_ = false;
  if (owner.empty()) {
    Put16(0xC000 | kHeaderSize);  // a pointer to the question's name
  } else {
    PutName(owner);
  }
  Put16(static_cast<uint16_t>(type));
  Put16(kClassIn);
  Put32(ttl);
  mark.length_at = size_;
  Put16(0);
  return mark;
}

void ResponseWriter::End(Section section, const Mark& mark) {
  if (overflow_) {
    size_ = mark.start;
    if (section == Section::kAnswer) truncated_ = true;
    return;
  }
  size_t length = size_ - mark.length_at - 2;
  buffer_[mark.length_at] = static_cast<uint8_t>(length >> 8);
  buffer_[mark.length_at + 1] = static_cast<uint8_t>(length);
  counts_[static_cast<size_t>(section)]++;
}

void ResponseWriter::AddAddress(Section section, std::string_view owner, uint32_t ttl, const IpAddress& address) {
  Mark mark = Begin(owner, address.size == 4 ? Type::kA : Type::kAaaa, ttl);
  PutBytes({address.bytes.data(), address.size});
  End(section, mark);
}

void ResponseWriter::AddName(Section section, std::string_view owner, Type type, uint32_t ttl, std::string_view target) {
  Mark mark = Begin(owner, type, ttl);
  PutName(target);
  End(section, mark);
}

void ResponseWriter::AddSrv(std::string_view owner, uint32_t ttl, const Srv& srv) {
  Mark mark = Begin(owner, Type::kSrv, ttl);
  Put16(srv.priority);
  Put16(srv.weight);
  Put16(srv.port);
  PutName(srv.target);
  End(Section::kAnswer, mark);
}

void ResponseWriter::AddText(std::string_view owner, uint32_t ttl, std::string_view text) {
  Mark mark = Begin(owner, Type::kTxt, ttl);
  Put8(static_cast<uint8_t>(text.size()));
  PutBytes({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  End(Section::kAnswer, mark);
}

void ResponseWriter::AddHinfo(std::string_view owner, uint32_t ttl, std::string_view cpu) {
  Mark mark = Begin(owner, Type::kHinfo, ttl);
  Put8(static_cast<uint8_t>(cpu.size()));
  PutBytes({reinterpret_cast<const uint8_t*>(cpu.data()), cpu.size()});
  Put8(0);
  End(Section::kAnswer, mark);
}

void ResponseWriter::AddSoa(Section section, uint32_t ttl, const Soa& soa) {
  Mark mark = Begin(soa.zone, Type::kSoa, ttl);
  PutName(soa.primary);
  PutName(soa.mailbox);
  for (uint32_t value : {soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum}) Put32(value);
  End(section, mark);
}

size_t ResponseWriter::Finish(Rcode rcode, Authority authority) {
  auto code = static_cast<uint16_t>(rcode);
  if (query_.edns) {
    limit_ = buffer_.size();
    overflow_ = false;
    Put8(0);
    Put16(static_cast<uint16_t>(Type::kOpt));
    Put16(kMaxUdpSize);
    Put8(static_cast<uint8_t>(code >> 4));
    Put8(0);
    Put16(query_.dnssec_ok ? 0x8000 : 0);
    Put16(0);
  }
  uint16_t flags = kResponse | kRecursionAvailable | (code & 0xF);
  if (authority == Authority::kYes) flags |= kAuthoritative;
  if (truncated_) flags |= kTruncated;
  if (query_.recursion_desired) flags |= kRecursionDesired;
  if (query_.checking_disabled) flags |= kCheckingDisabled;
  size_t end = std::exchange(size_, 0);
  for (uint16_t value :
       {query_.id, flags, uint16_t{1}, counts_[0], counts_[1], static_cast<uint16_t>(counts_[2] + (query_.edns ? 1 : 0))}) {
    Put16(value);
  }
  size_ = end;
  return size_;
}

size_t WriteRefusal(std::span<uint8_t> buffer, uint16_t id, Rcode rcode) {
  std::fill_n(buffer.begin(), kHeaderSize, uint8_t{0});
  buffer[0] = static_cast<uint8_t>(id >> 8);
  buffer[1] = static_cast<uint8_t>(id);
  buffer[2] = kResponse >> 8;
  buffer[3] = static_cast<uint8_t>(rcode);
  return kHeaderSize;
}

}  // namespace sampan::dns
