// Protobuf's wire format, without knowledge of any message. Reads and writes tags, varints and length-delimited fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sampan::protobuf {

enum class Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// Reads the fields of one message. Never reads outside `bytes`; groups (deprecated since 2008) count as malformed.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  struct Tag {
    uint32_t number = 0;
    Wire wire = Wire::kVarint;
    uint64_t number_value = 0;  // of kVarint, kFixed64, kFixed32
    std::string_view bytes;     // of kBytes; a view into the message
  };
  // The next field, nothing at the end or when malformed.
  std::optional<Tag> Next();
  std::optional<uint64_t> RawVarint();  // inside packed fields
  bool AtEnd() const { return rest_.empty(); }
  bool failed() const { return failed_; }

 private:
  std::optional<Tag> Fault() {
    failed_ = true;
    rest_ = {};
    return std::nullopt;
  }
  std::optional<uint64_t> Fixed(size_t size);

  std::string_view rest_;
  bool failed_ = false;
};

// Appends fields to `out`, which outlives the writer.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void Varint(uint32_t number, uint64_t value);
  void Fixed64(uint32_t number, uint64_t bits);
  void Bytes(uint32_t number, std::string_view bytes);
  void BytesHead(uint32_t number, size_t size);  // the caller appends so many bytes
  // A message whose fields body() writes.
  template <class F>
  void Nested(uint32_t number, F body) {
    Tag(number, Wire::kBytes);
    size_t start = out_.size();
    body();
    InsertLength(start);
  }

 private:
  void Tag(uint32_t number, Wire wire) { Raw(uint64_t{number} << 3 | static_cast<uint8_t>(wire)); }
  void Raw(uint64_t value);
  void InsertLength(size_t start);  // before everything written since

  std::string& out_;
};

}  // namespace sampan::protobuf
