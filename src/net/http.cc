#include "net/http.h"

#include <array>

namespace sampan::net {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class EmptyBody final : public BodyReader {
 public:
  Task<Result<std::string>> ReadSome() override { co_return std::string(); }
  Task<Result<std::string>> ReadAll(size_t, std::string) override { co_return std::string(); }
  std::optional<uint64_t> length() const override { return 0; }
};

class WholeBody final : public BodyReader {
 public:
  explicit WholeBody(std::string text) : length_(text.size()), text_(std::move(text)) {}
  Task<Result<std::string>> ReadSome() override { co_return std::exchange(text_, std::string()); }
  std::optional<uint64_t> length() const override { return length_; }

 private:
  const uint64_t length_;
  std::string text_;
};

bool IsUnreserved(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

}  // namespace

Task<Result<std::string>> BodyReader::ReadAll(size_t limit, std::string) {
  std::string all;
  while (true) {
    CO_TRY(std::string piece, co_await ReadSome());
    if (piece.empty()) co_return all;
    if (piece.size() > limit - all.size()) {
      co_return Fail(Error::RequestEntityTooLarge("Request entity too large: limit is {}", limit));
    }
    all += piece;
  }
}

std::shared_ptr<BodyReader> NoBody() {
  static EmptyBody none;
  return {std::shared_ptr<void>(), &none};  // no owner: nothing is counted
}

std::shared_ptr<BodyReader> TextBody(std::string text) {
  return std::make_shared<WholeBody>(std::move(text));
}

std::string_view Headers::Get(std::string_view lower_case_name) const {
  for (const auto& [name, value] : items_) {
    if (name == lower_case_name) return value;
  }
  return {};
}

bool Headers::Has(std::string_view lower_case_name) const {
  return std::ranges::any_of(items_, [&](const auto& item) { return item.first == lower_case_name; });
}

Chunk Chunk::Copy(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return {*owner, owner};
}

std::optional<std::string> PercentDecode(std::string_view text, PlusIsSpace plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == PlusIsSpace::kYes) {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      if (text.size() - i < 3) return std::nullopt;
      int high = HexValue(text[i + 1]);
      int low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return decoded;
}

std::string PercentEncode(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (unsigned char c : text) {
    if (IsUnreserved(c)) {
      encoded.push_back(static_cast<char>(c));
    } else {
      encoded.push_back('%');
      encoded.push_back(kHex[c >> 4]);
      encoded.push_back(kHex[c & 15]);
    }
  }
  return encoded;
}

Result<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    size_t end = std::min(query.find('&'), query.size());
    std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    size_t equals = std::min(pair.find('='), pair.size());
    std::optional<std::string> name = PercentDecode(pair.substr(0, equals), PlusIsSpace::kYes);
    std::optional<std::string> value =
        PercentDecode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), PlusIsSpace::kYes);
    if (!name || !value) return Fail(Error::BadRequest("invalid URL escape in query \"{}\"", pair));
    pairs.emplace_back(*std::move(name), *std::move(value));
  }
  return pairs;
}

}  // namespace sampan::net
