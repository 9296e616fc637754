#include "net/detail/http1_parser.h"

#include <array>

namespace sampan::net::detail {
namespace {

constexpr size_t kMaxChunkLine = 1024;
constexpr size_t kMaxTrailerBytes = 8 * 1024;

consteval std::array<bool, 256> TokenTable() {
  std::array<bool, 256> table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = TokenTable();

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Where the head ends (after its empty line), kIncomplete or kBad; looks only at what is new since `scanned`.
HeadResult FindHeadEnd(std::string_view data, size_t scanned, const ParseLimits& limits) {
  size_t from = scanned > 3 ? scanned - 3 : 0;
  std::string_view window = data.substr(0, limits.max_header_bytes + 1);
  size_t end = window.find("\r\n\r\n", from);
  if (end != std::string_view::npos) return {ParseState::kDone, end + 4};
  if (data.size() > limits.max_header_bytes) return HeadResult::Bad(431, "header fields too large");
  // A bare line feed never becomes a valid head: tell at once instead of waiting for the time-out.
  for (size_t at = data.find('\n', from); at != std::string_view::npos; at = data.find('\n', at + 1)) {
    if (at == 0 || data[at - 1] != '\r') return HeadResult::Bad(400, "bare line feed");
  }
  return {};
}

// Cuts one line that ends with CR LF off `data`. Nothing when the line holds another CR, LF or NUL.
std::optional<std::string_view> TakeLine(std::string_view& data) {
  size_t end = data.find('\n');
  if (end == std::string_view::npos || end == 0 || data[end - 1] != '\r') return std::nullopt;
  std::string_view line = data.substr(0, end - 1);
  if (line.find('\r') != std::string_view::npos || line.find('\0') != std::string_view::npos) return std::nullopt;
  data.remove_prefix(end + 1);
  return line;
}

std::optional<uint64_t> ParseDecimal(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

HeadResult ApplyFraming(std::string_view name, std::string_view value, Framing& framing) {
  if (name == "content-length") {
    std::optional<uint64_t> length = ParseDecimal(value);
    if (!length || framing.content_length) return HeadResult::Bad(400, "bad content-length");
    framing.content_length = length;
  } else if (name == "transfer-encoding") {
    if (framing.chunked || framing.http10) return HeadResult::Bad(400, "bad transfer-encoding");
    if (!EqualsIgnoreCase(value, "chunked")) return HeadResult::Bad(501, "unsupported transfer-encoding");
    framing.chunked = true;
  } else if (name == "connection") {
    if (HasToken(value, "close")) framing.keep_alive = false;
    if (framing.http10 && HasToken(value, "keep-alive")) framing.keep_alive = true;
  } else if (name == "expect") {
    if (!EqualsIgnoreCase(value, "100-continue")) return HeadResult::Bad(417, "unsupported expectation");
    framing.expect_continue = !framing.http10;
  }
  return {ParseState::kDone};
}

HeadResult ParseHeaders(std::string_view data, const ParseLimits& limits, Headers& headers, Framing& framing) {
  for (size_t count = 0;; ++count) {
    std::optional<std::string_view> line = TakeLine(data);
    if (!line) return HeadResult::Bad(400, "malformed header line");
    if (line->empty()) break;
    if (count >= limits.max_headers) return HeadResult::Bad(431, "too many header fields");
    if (line->front() == ' ' || line->front() == '\t') return HeadResult::Bad(400, "folded header line");
    size_t colon = line->find(':');
    if (colon == std::string_view::npos || !IsToken(line->substr(0, colon))) {
      return HeadResult::Bad(400, "malformed header name");
    }
    std::string_view value = TrimSpace(line->substr(colon + 1));
    if (!IsFieldValue(value)) return HeadResult::Bad(400, "malformed header value");
    std::string name = LowerCase(line->substr(0, colon));
    HeadResult applied = ApplyFraming(name, value, framing);
    if (applied.state == ParseState::kBad) return applied;
    headers.Add(std::move(name), std::string(value));
  }
  if (framing.chunked && framing.content_length) {
    return HeadResult::Bad(400, "content-length and transfer-encoding together");
  }
  return {ParseState::kDone};
}

bool IsTarget(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

HeadResult ParseTarget(std::string_view target, Request& request) {
  if (target.empty() || !IsTarget(target)) return HeadResult::Bad(400, "malformed request target");
  if (request.method == "CONNECT") return HeadResult::Bad(501, "CONNECT is not supported");
  if (target.front() != '/' && target != "*") {
    // absolute-form, as sent to proxies: the authority is dropped, Host decides
    size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return HeadResult::Bad(400, "malformed request target");
    size_t path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    if (target.front() != '/') return HeadResult::Bad(400, "malformed request target");
  }
  size_t question = target.find('?');
  request.path.assign(target.substr(0, question));
  request.query.assign(question == std::string_view::npos ? std::string_view() : target.substr(question + 1));
  return {ParseState::kDone};
}

HeadResult ParseVersion(std::string_view version, Framing& framing) {
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    bool is_http = version.starts_with("HTTP/") && version.size() == 8;
    return HeadResult::Bad(is_http ? 505 : 400, is_http ? "unsupported HTTP version" : "malformed HTTP version");
  }
  framing.http10 = version == "HTTP/1.0";
  framing.keep_alive = !framing.http10;
  return {ParseState::kDone};
}

}  // namespace

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return kToken[c]; });
}

bool IsFieldValue(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = Lower(c);
  return lower;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return Lower(x) == Lower(y); });
}

bool HasToken(std::string_view value, std::string_view token) {
  while (!value.empty()) {
    size_t comma = std::min(value.find(','), value.size());
    if (EqualsIgnoreCase(TrimSpace(value.substr(0, comma)), token)) return true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return false;
}

HeadResult ParseRequestHead(std::string_view data, size_t scanned, const ParseLimits& limits, Request& request,
                            Framing& framing) {
  HeadResult end = FindHeadEnd(data, scanned, limits);
  if (end.state != ParseState::kDone) return end;
  std::string_view head = data.substr(0, end.consumed);
  std::optional<std::string_view> line = TakeLine(head);
  if (!line) return HeadResult::Bad(400, "malformed request line");
  size_t first = line->find(' ');
  size_t second = first == std::string_view::npos ? first : line->find(' ', first + 1);
  if (second == std::string_view::npos || !IsToken(line->substr(0, first))) {
    return HeadResult::Bad(400, "malformed request line");
  }
  request.method.assign(line->substr(0, first));
  HeadResult part = ParseVersion(line->substr(second + 1), framing);
  if (part.state == ParseState::kBad) return part;
  part = ParseTarget(line->substr(first + 1, second - first - 1), request);
  if (part.state == ParseState::kBad) return part;
  part = ParseHeaders(head, limits, request.headers, framing);
  if (part.state == ParseState::kBad) return part;
  size_t hosts = static_cast<size_t>(
      std::ranges::count_if(request.headers.items(), [](const auto& item) { return item.first == "host"; }));
  if (hosts > 1 || (hosts == 0 && !framing.http10)) return HeadResult::Bad(400, "exactly one host header is needed");
  return end;
}

HeadResult ParseResponseHead(std::string_view data, size_t scanned, const ParseLimits& limits, ResponseHead& response,
                             Framing& framing) {
  HeadResult end = FindHeadEnd(data, scanned, limits);
  if (end.state != ParseState::kDone) return end;
  std::string_view head = data.substr(0, end.consumed);
  std::optional<std::string_view> line = TakeLine(head);
  if (!line || line->size() < 12 || (*line)[8] != ' ') return HeadResult::Bad(502, "malformed status line");
  HeadResult part = ParseVersion(line->substr(0, 8), framing);
  if (part.state == ParseState::kBad) return part;
  std::optional<uint64_t> status = ParseDecimal(line->substr(9, 3));
  if (!status || *status < 100 || (line->size() > 12 && (*line)[12] != ' ')) {
    return HeadResult::Bad(502, "malformed status line");
  }
  response.status = static_cast<int>(*status);
  part = ParseHeaders(head, limits, response.headers, framing);
  if (part.state == ParseState::kBad) return part;
  return end;
}

ParseState ChunkedDecoder::Feed(std::string_view data, size_t& consumed, std::string& body) {
  consumed = 0;
  while (state_ != State::kDone) {
    if (state_ == State::kContent) {
      size_t length = static_cast<size_t>(std::min<uint64_t>(remaining_, data.size() - consumed));
      body.append(data.substr(consumed, length));
      consumed += length;
      remaining_ -= length;
      if (remaining_ > 0) return ParseState::kIncomplete;
      state_ = State::kContentEnd;
    }
    size_t used = 0;
    ParseState line = FeedLine(data.substr(consumed), used);
    consumed += used;
    if (line != ParseState::kDone) return line;
    ParseState handled = OnLine(line_);
    if (handled == ParseState::kBad) return handled;
    line_.clear();
  }
  return ParseState::kDone;
}

// Collects one line into line_, without its CR LF.
ParseState ChunkedDecoder::FeedLine(std::string_view data, size_t& consumed) {
  size_t end = data.find('\n');
  std::string_view part = data.substr(0, end);
  if (line_.size() + part.size() > kMaxChunkLine) return Bad("chunk line too long");
  line_.append(part);
  consumed = part.size();
  if (end == std::string_view::npos) return ParseState::kIncomplete;
  ++consumed;
  if (line_.empty() || line_.back() != '\r') return Bad("bare line feed in chunked body");
  line_.pop_back();
  return IsFieldValue(line_) ? ParseState::kDone : Bad("malformed chunk line");
}

ParseState ChunkedDecoder::OnLine(std::string_view line) {
  switch (state_) {
    case State::kSize: {
      std::string_view digits = line.substr(0, line.find(';'));
      if (digits.size() != line.size()) digits = TrimSpace(digits);
      if (digits.empty() || digits.size() > 15) return Bad("malformed chunk size");
      remaining_ = 0;
      for (char c : digits) {
        char lower = Lower(c);
        bool digit = lower >= '0' && lower <= '9';
        if (!digit && (lower < 'a' || lower > 'f')) return Bad("malformed chunk size");
        remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit ? lower - '0' : lower - 'a' + 10);
      }
      state_ = remaining_ == 0 ? State::kTrailer : State::kContent;
      return ParseState::kIncomplete;
    }
    case State::kContentEnd:
      if (!line.empty()) return Bad("chunk longer than its size");
      state_ = State::kSize;
      return ParseState::kIncomplete;
    case State::kTrailer:
      if (line.empty()) {
        state_ = State::kDone;
        return ParseState::kDone;
      }
      trailer_bytes_ += line.size();
      if (trailer_bytes_ > kMaxTrailerBytes) return Bad("trailers too large");
      if (!IsToken(line.substr(0, line.find(':'))) || line.find(':') == std::string_view::npos)
        return Bad("malformed trailer");
      return ParseState::kIncomplete;
    default:
      return Bad("chunk after the end");
  }
}

}  // namespace sampan::net::detail
