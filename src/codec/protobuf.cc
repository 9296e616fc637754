#include "codec/protobuf.h"

namespace sampan::protobuf {

std::optional<uint64_t> Reader::RawVarint() {
  uint64_t value = 0;
  for (size_t i = 0; i < 10 && i < rest_.size(); ++i) {
    auto byte = static_cast<unsigned char>(rest_[i]);
    value |= uint64_t{byte & 0x7fU} << (7 * i);
    if ((byte & 0x80) == 0) {
      rest_.remove_prefix(i + 1);
      return value;
    }
  }
  Fault();
  return std::nullopt;
}

std::optional<uint64_t> Reader::Fixed(size_t size) {
  if (rest_.size() < size) {
    Fault();
    return std::nullopt;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
  rest_.remove_prefix(size);
  return value;
}

std::optional<Reader::Tag> Reader::Next() {
  if (rest_.empty()) return std::nullopt;
  auto key = RawVarint();
  if (!key) return std::nullopt;
  Tag tag;
  if (*key >> 3 == 0 || *key >> 3 > 0x1fffffff) return Fault();
  tag.number = static_cast<uint32_t>(*key >> 3);
  tag.wire = static_cast<Wire>(*key & 7);
  std::optional<uint64_t> value;
  switch (tag.wire) {
    case Wire::kVarint:
      value = RawVarint();
      break;
    case Wire::kFixed64:
      value = Fixed(8);
      break;
    case Wire::kFixed32:
      value = Fixed(4);
      break;
    case Wire::kBytes:
      value = RawVarint();
      if (value && *value > rest_.size()) return Fault();
      if (value) {
        tag.bytes = rest_.substr(0, *value);
        rest_.remove_prefix(*value);
      }
      break;
    default:
      return Fault();
  }
  if (!value) return std::nullopt;
  tag.number_value = *value;
  return tag;
}

void Writer::Raw(uint64_t value) {
  while (value >= 0x80) {
    out_ += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out_ += static_cast<char>(value);
}

void Writer::Varint(uint32_t number, uint64_t value) {
  Tag(number, Wire::kVarint);
  Raw(value);
}

void Writer::Fixed64(uint32_t number, uint64_t bits) {
  Tag(number, Wire::kFixed64);
  for (int i = 0; i < 8; ++i) out_ += static_cast<char>(bits >> (8 * i));
}

void Writer::Bytes(uint32_t number, std::string_view bytes) {
  Tag(number, Wire::kBytes);
  Raw(bytes.size());
  out_ += bytes;
}

void Writer::InsertLength(size_t start) {
  size_t length = out_.size() - start;
  char prefix[10];
  size_t size = 0;
  do {
    prefix[size++] = static_cast<char>((length & 0x7f) | (length >= 0x80 ? 0x80 : 0));
    length >>= 7;
  } while (length > 0);
  out_.insert(start, prefix, size);
}

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    size_t extra = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || i + extra >= text.size()) return false;
    uint32_t code = lead & (0x3f >> extra);
    for (size_t k = 1; k <= extra; ++k) {
      auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3fU);
    }
    if ((extra == 2 && code < 0x800) || (extra == 3 && code < 0x10000) || code > 0x10ffff ||
        (code >= 0xd800 && code < 0xe000)) {
      return false;
    }
    i += extra + 1;
  }
  return true;
}

}  // namespace sampan::protobuf
