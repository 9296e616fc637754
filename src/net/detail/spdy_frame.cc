#include "net/detail/spdy_frame.h"

#include <zlib.h>

#include "base/check.h"

namespace sampan::net::detail {
namespace {

constexpr uint16_t kVersion = 3;
constexpr size_t kHeadBytes = 8;
constexpr size_t kMaxHeaders = 1000;

void PutUint(std::string& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint32_t GetUint(std::string_view data, size_t offset, size_t bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(data[offset + i]);
  return value;
}

// The dictionary of SPDY/3 (draft 3, 2.6.10.1): names with their lengths, then common values.
std::string MakeDictionary() {
  static constexpr std::string_view kNames[] = {"options",
                                                "head",
                                                "post",
                                                "put",
                                                "delete",
                                                "trace",
                                                "accept",
                                                "accept-charset",
                                                "accept-encoding",
                                                "accept-language",
                                                "accept-ranges",
                                                "age",
                                                "allow",
                                                "authorization",
                                                "cache-control",
                                                "connection",
                                                "content-base",
                                                "content-encoding",
                                                "content-language",
                                                "content-length",
                                                "content-location",
                                                "content-md5",
                                                "content-range",
                                                "content-type",
                                                "date",
                                                "etag",
                                                "expect",
                                                "expires",
                                                "from",
                                                "host",
                                                "if-match",
                                                "if-modified-since",
                                                "if-none-match",
                                                "if-range",
                                                "if-unmodified-since",
                                                "last-modified",
                                                "location",
                                                "max-forwards",
                                                "pragma",
                                                "proxy-authenticate",
                                                "proxy-authorization",
                                                "range",
                                                "referer",
                                                "retry-after",
                                                "server",
                                                "te",
                                                "trailer",
                                                "transfer-encoding",
                                                "upgrade",
                                                "user-agent",
                                                "vary",
                                                "via",
                                                "warning",
                                                "www-authenticate",
                                                "method",
                                                "get",
                                                "status",
                                                "200 OK",
                                                "version",
                                                "HTTP/1.1",
                                                "url",
                                                "public",
                                                "set-cookie",
                                                "keep-alive",
                                                "origin"};
  std::string dictionary;
  for (std::string_view name : kNames) {
    PutUint(dictionary, name.size(), 4);
    dictionary.append(name);
  }
  dictionary.append(
      "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
      "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
      "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
      "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
      "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
      "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.");
  return dictionary;
}

const std::string& Dictionary() {
  static const std::string dictionary = MakeDictionary();
  return dictionary;
}

Bytef* Bytes(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

// Name/value pairs: a count, then lengths and texts; values of one name are joined by NUL.
std::string EncodePairs(const Headers& headers) {
  std::vector<std::pair<std::string_view, std::string>> joined;
  for (const auto& [name, value] : headers.items()) {
    auto it = std::ranges::find(joined, std::string_view(name), &std::pair<std::string_view, std::string>::first);
    if (it == joined.end()) {
      joined.emplace_back(name, value);
    } else {
      it->second.push_back('\0');
      it->second.append(value);
    }
  }
  std::string block;
  PutUint(block, joined.size(), 4);
  for (const auto& [name, value] : joined) {
    PutUint(block, name.size(), 4);
    block.append(name);
    PutUint(block, value.size(), 4);
    block.append(value);
  }
  return block;
}

// Takes a text with its length before it; nothing when the block ends too early.
std::optional<std::string_view> TakeText(std::string_view& block) {
  if (block.size() < 4) return std::nullopt;
  uint32_t length = GetUint(block, 0, 4);
  block.remove_prefix(4);
  if (length > block.size()) return std::nullopt;
  std::string_view text = block.substr(0, length);
  block.remove_prefix(length);
  return text;
}

Result<Headers> DecodePairs(std::string_view block) {
  if (block.size() < 4) return Fail(Error::BadRequest("SPDY: header block too short"));
  uint32_t count = GetUint(block, 0, 4);
  block.remove_prefix(4);
  if (count > kMaxHeaders) return Fail(Error::BadRequest("SPDY: too many headers"));
  Headers headers;
  for (uint32_t i = 0; i < count; ++i) {
    std::optional<std::string_view> name = TakeText(block);
    std::optional<std::string_view> values = name ? TakeText(block) : std::nullopt;
    if (!values || name->empty()) return Fail(Error::BadRequest("SPDY: malformed header block"));
    while (true) {
      size_t end = values->find('\0');
      headers.Add(LowerCase(*name), std::string(values->substr(0, end)));
      if (end == std::string_view::npos) break;
      values->remove_prefix(end + 1);
    }
  }
  return headers;
}

}  // namespace

struct HeaderDeflater::State {
  z_stream stream{};
};

HeaderDeflater::HeaderDeflater() : state_(std::make_unique<State>()) {
  // A small window and little memory: header blocks are short.
  CHECK(deflateInit2(&state_->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 11, 1, Z_DEFAULT_STRATEGY) == Z_OK);
  CHECK(deflateSetDictionary(&state_->stream, Bytes(Dictionary()), static_cast<uInt>(Dictionary().size())) == Z_OK);
}

HeaderDeflater::~HeaderDeflater() {
  deflateEnd(&state_->stream);
}

std::string HeaderDeflater::Deflate(const Headers& headers) {
  std::string pairs = EncodePairs(headers);
  z_stream& stream = state_->stream;
  stream.next_in = Bytes(pairs);
  stream.avail_in = static_cast<uInt>(pairs.size());
  std::string out;
  std::array<char, 1024> buffer;
  do {
    stream.next_out = Bytes({buffer.data(), buffer.size()});
    stream.avail_out = buffer.size();
    deflate(&stream, Z_SYNC_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  } while (stream.avail_out == 0);
  return out;
}

struct HeaderInflater::State {
  z_stream stream{};
};

HeaderInflater::HeaderInflater(size_t max_bytes) : state_(std::make_unique<State>()), max_bytes_(max_bytes) {
  CHECK(inflateInit(&state_->stream) == Z_OK);
}

HeaderInflater::~HeaderInflater() {
  inflateEnd(&state_->stream);
}

Result<std::string> HeaderInflater::InflateText(std::string_view block) {
  z_stream& stream = state_->stream;
  stream.next_in = Bytes(block);
  stream.avail_in = static_cast<uInt>(block.size());
  std::string out;
  std::array<char, 4096> buffer;
  while (true) {
    stream.next_out = Bytes({buffer.data(), buffer.size()});
    stream.avail_out = buffer.size();
    int status = inflate(&stream, Z_SYNC_FLUSH);
    if (status == Z_NEED_DICT) {
      status = inflateSetDictionary(&stream, Bytes(Dictionary()), static_cast<uInt>(Dictionary().size()));
      if (status == Z_OK) continue;
    }
    out.append(buffer.data(), buffer.size() - stream.avail_out);
    if (out.size() > max_bytes_) return Fail(Error::BadRequest("SPDY: headers too large"));
    if (status != Z_OK && status != Z_BUF_ERROR) return Fail(Error::BadRequest("SPDY: malformed compression"));
    if (stream.avail_in == 0 && stream.avail_out > 0) return out;
    if (status == Z_BUF_ERROR) return Fail(Error::BadRequest("SPDY: malformed compression"));
  }
}

Result<Headers> HeaderInflater::Inflate(std::string_view block) {
  TRY(std::string pairs, InflateText(block));
  return DecodePairs(pairs);
}

ParseState SpdyReader::Next(SpdyFrame& frame) {
  std::string_view rest = std::string_view(buffer_).substr(offset_);
  if (rest.size() < kHeadBytes) {
    buffer_.erase(0, offset_);
    offset_ = 0;
    return ParseState::kIncomplete;
  }
  size_t length = GetUint(rest, 5, 3);
  if (length > max_frame_bytes_) return Bad("frame too large");
  if (rest.size() < kHeadBytes + length) {
    buffer_.erase(0, offset_);
    offset_ = 0;
    return ParseState::kIncomplete;
  }
  offset_ += kHeadBytes + length;
  std::string_view payload = rest.substr(kHeadBytes, length);
  frame = SpdyFrame();
  frame.flags = static_cast<uint8_t>(rest[4]);
  bool control = (static_cast<unsigned char>(rest[0]) & 0x80) != 0;
  if (!control) {
    frame.stream = GetUint(rest, 0, 4);
    frame.data = payload;
    return frame.stream == 0 ? Bad("data without a stream") : ParseState::kDone;
  }
  if ((GetUint(rest, 0, 2) & 0x7fff) != kVersion) return Bad("not SPDY/3");
  return ParseControl(static_cast<uint16_t>(GetUint(rest, 2, 2)), payload, frame);
}

ParseState SpdyReader::ParseControl(uint16_t type, std::string_view payload, SpdyFrame& frame) {
  frame.type = static_cast<SpdyType>(type);
  switch (frame.type) {
    case SpdyType::kSynStream:
      return ParseHeaders(payload, 10, frame);
    case SpdyType::kSynReply:
    case SpdyType::kHeaders:
      return ParseHeaders(payload, 4, frame);
    case SpdyType::kRstStream:
    case SpdyType::kGoAway:
    case SpdyType::kWindowUpdate:
      if (payload.size() != 8) return Bad("frame of a wrong length");
      frame.stream = GetUint(payload, 0, 4) & 0x7fffffff;
      frame.value = GetUint(payload, 4, 4);
      return ParseState::kDone;
    case SpdyType::kPing:
      if (payload.size() != 4) return Bad("frame of a wrong length");
      frame.stream = GetUint(payload, 0, 4);
      return ParseState::kDone;
    case SpdyType::kSettings:
      return ParseSettings(payload, frame);
    default:
      return ParseState::kDone;  // unknown control frames are to be ignored
  }
}

ParseState SpdyReader::ParseHeaders(std::string_view payload, size_t skip, SpdyFrame& frame) {
  if (payload.size() < skip) return Bad("frame of a wrong length");
  frame.stream = GetUint(payload, 0, 4) & 0x7fffffff;
  if (frame.stream == 0) return Bad("headers without a stream");
  auto headers = inflater_.Inflate(payload.substr(skip));
  if (!headers) return Bad(headers.error().message());
  frame.headers = *std::move(headers);
  return ParseState::kDone;
}

ParseState SpdyReader::ParseSettings(std::string_view payload, SpdyFrame& frame) {
  if (payload.size() < 4 || (payload.size() - 4) % 8 != 0 || (payload.size() - 4) / 8 != GetUint(payload, 0, 4)) {
    return Bad("frame of a wrong length");
  }
  for (size_t at = 4; at < payload.size(); at += 8) {
    uint32_t id = GetUint(payload, at + 1, 3);
    uint32_t value = GetUint(payload, at + 4, 4);
    if (id != kSpdyInitialWindowSetting) continue;
    if (value > 0x7fffffff) return Bad("window too large");
    frame.initial_window = value;
  }
  return ParseState::kDone;
}

namespace {

std::string ControlHead(SpdyType type, uint8_t flags, size_t length) {
  std::string head;
  PutUint(head, 0x8000 | kVersion, 2);
  PutUint(head, static_cast<uint16_t>(type), 2);
  PutUint(head, flags, 1);
  PutUint(head, length, 3);
  return head;
}

}  // namespace

std::string EncodeHeaderFrame(SpdyType type, uint32_t stream, uint8_t flags, std::string_view block) {
  size_t extra = type == SpdyType::kSynStream ? 6 : 0;  // associated stream, priority and slot: all zero
  std::string frame = ControlHead(type, flags, 4 + extra + block.size());
  PutUint(frame, stream, 4);
  PutUint(frame, 0, static_cast<int>(extra));
  frame.append(block);
  return frame;
}

std::string EncodeDataHead(uint32_t stream, uint8_t flags, size_t length) {
  std::string head;
  PutUint(head, stream, 4);
  PutUint(head, flags, 1);
  PutUint(head, length, 3);
  return head;
}

std::string EncodeControl(SpdyType type, uint32_t stream, uint32_t value) {
  bool has_value = type != SpdyType::kPing;
  std::string frame = ControlHead(type, 0, has_value ? 8 : 4);
  PutUint(frame, stream, 4);
  if (has_value) PutUint(frame, value, 4);
  return frame;
}

std::string EncodeSettings(uint32_t initial_window) {
  std::string frame = ControlHead(SpdyType::kSettings, 0, 12);
  PutUint(frame, 1, 4);
  PutUint(frame, kSpdyInitialWindowSetting, 4);  // no flags in its first byte
  PutUint(frame, initial_window, 4);
  return frame;
}

}  // namespace sampan::net::detail
