#include "dns/response.h"

#include "dns/wire_internal.h"

namespace sampan::dns {

namespace {

constexpr uint16_t kResponse = 0x8000;
constexpr uint16_t kTruncated = 0x0200;
constexpr size_t kMaxNameText = 255;

void Append16(std::string& out, uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}

uint16_t At16(Bytes message, size_t at) {
  return static_cast<uint16_t>(message[at] << 8 | message[at + 1]);
}

}  // namespace

std::optional<std::string> WriteQuery(uint16_t id, std::string_view name, Type type) {
  if (name.size() > kMaxNameText - 2) return std::nullopt;
  std::string message;
  Append16(message, id);
  Append16(message, 0x0100);  // recursion desired
  for (uint16_t count : {1, 0, 0, 1}) Append16(message, count);
  while (!name.empty()) {
    size_t dot = std::min(name.find('.'), name.size());
    if (dot == 0 || dot > kMaxLabel) return std::nullopt;
    message += static_cast<char>(dot);
    message += name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  message += '\0';
  Append16(message, static_cast<uint16_t>(type));
  Append16(message, kClassIn);
  message += '\0';  // EDNS: the root, then how much we take
  Append16(message, static_cast<uint16_t>(Type::kOpt));
  Append16(message, kMaxUdpSize);
  message.append(6, '\0');
  return message;
}

std::optional<ResponseView> ResponseView::Parse(Bytes message) {
  if (message.size() < kHeaderSize || (At16(message, 2) & kResponse) == 0) return std::nullopt;
  ResponseView view;
  view.message_ = message;
  Reader reader(message, kHeaderSize);
  uint16_t questions = At16(message, 4);
  for (uint16_t i = 0; i < questions; ++i) {
    size_t start = reader.at();
    if (!reader.SkipName()) return std::nullopt;
    reader.Get32();
    if (i == 0) view.question_ = message.subspan(start, reader.at() - start);
  }
  view.records_at_ = reader.at();
  size_t records = size_t{At16(message, 6)} + At16(message, 8) + At16(message, 10);
  for (size_t i = 0; i < records; ++i) {
    if (!reader.SkipName()) return std::nullopt;
    reader.Take(8);
    reader.Take(reader.Get16());
  }
  if (!reader.ok()) return std::nullopt;
  return view;
}

uint16_t ResponseView::id() const {
  return At16(message_, 0);
}

Rcode ResponseView::rcode() const {
  return static_cast<Rcode>(message_[3] & 0xF);
}

bool ResponseView::truncated() const {
  return (At16(message_, 2) & kTruncated) != 0;
}

void ResponseView::ForEach(const std::function<bool(const RecordView&)>& visit) const {
  Reader reader(message_, records_at_);
  for (size_t section = 0; section < 3; ++section) {
    uint16_t count = At16(message_, 6 + 2 * section);
    for (uint16_t i = 0; i < count; ++i) {
      RecordView record{.section = section, .owner_at = reader.at()};
      reader.SkipName();
      record.type = reader.Get16();
      reader.Get16();
      record.ttl_at = reader.at();
      record.ttl = reader.Get32();
      uint16_t length = reader.Get16();
      record.data_at = reader.at();
      record.data = reader.Take(length);
      if (!reader.ok() || !visit(record)) return;
    }
  }
}

std::optional<std::string> ResponseView::NameAt(size_t at) const {
  std::string name;
  Reader reader(message_, at);
  // Pointers lead backwards only, so this ends.
  while (at < message_.size()) {
    uint8_t length = reader.Get8();
    if (!reader.ok()) return std::nullopt;
    if (length == 0) return name;
    if ((length & 0xC0) == 0xC0) {
      size_t target = static_cast<size_t>(length & 0x3F) << 8 | reader.Get8();
      if (!reader.ok() || target >= at) return std::nullopt;
      at = target;
      reader = Reader(message_, at);
      continue;
    }
    if (length > kMaxLabel) return std::nullopt;
    Bytes label = reader.Take(length);
    if (!reader.ok() || name.size() + length + 1 > kMaxNameText) return std::nullopt;
    if (!name.empty()) name += '.';
    for (uint8_t byte : label) name += LowerInText(byte);
  }
  return std::nullopt;
}

bool SameQuestion(Bytes a, Bytes b) {
  if (a.size() != b.size() || a.size() < 4) return false;
  size_t name = a.size() - 4;
  for (size_t i = 0; i < name; ++i) {
    if (LowerInText(a[i]) != LowerInText(b[i])) return false;
  }
  return std::equal(a.begin() + static_cast<ptrdiff_t>(name), a.end(), b.begin() + static_cast<ptrdiff_t>(name));
}

}  // namespace sampan::dns
