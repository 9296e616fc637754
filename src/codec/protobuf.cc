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
  BytesHead(number, bytes.size());
  out_ += bytes;
}

void Writer::BytesHead(uint32_t number, size_t size) {
  Tag(number, Wire::kBytes);
  Raw(size);
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

}  // namespace sampan::protobuf
