#include "apiserver/http/exchange.h"

#include <charconv>
#include <span>

#include "apiserver/errors.h"

namespace sampan::apiserver {

net::Response TextResponse(int status, std::string text) {
  net::Response response;
  response.status = status;
  response.headers.Add("content-type", "text/plain; charset=utf-8");
  response.headers.Add("x-content-type-options", "nosniff");
  response.headers.Add("cache-control", "no-cache, private");
  response.body.push_back(net::Chunk::Copy(std::move(text)));
  return response;
}

net::Response JsonResponse(int status, std::string body) {
  net::Response response;
  response.status = status;
  response.headers.Add("content-type", "application/json");
  response.headers.Add("cache-control", "no-cache, private");
  response.body.push_back(net::Chunk::Copy(std::move(body)));
  return response;
}

net::Response ErrorResponse(const Error& error) {
  net::Response response = JsonResponse(HttpStatusOf(error.reason()), FailureStatus(error));
  int retry = error.details() == nullptr ? 0 : error.details()->retry_after_seconds;
  if (response.status == 401 || response.status == 403) response.headers.Add("x-content-type-options", "nosniff");
  if (retry == 0 && (response.status == 429 || response.status == 503)) retry = 1;
  if (retry > 0) response.headers.Add("retry-after", std::to_string(retry));
  return response;
}

void AddWarnings(const std::vector<std::string>& warnings, net::Response& response) {
  // Headers have limits everywhere on the way: long texts are cut once all together are too long.
  constexpr size_t kMaxTotal = 4096;
  constexpr size_t kMaxCut = 256;
  constexpr size_t kMost = 64;  // Python's clients take a hundred headers in all
  size_t all = 0;
  for (const std::string& warning : warnings) all += warning.size();
  size_t total = 0;
  for (std::string_view warning : std::span(warnings).first(std::min(warnings.size(), kMost))) {
    size_t length = all > kMaxTotal ? std::min(warning.size(), kMaxCut) : warning.size();
    while (length < warning.size() && length > 0 && (static_cast<unsigned char>(warning[length]) & 0xC0) == 0x80) --length;
    total += length;
    if (total > kMaxTotal) return;
    std::string quoted = "299 - \"";
    for (char c : warning.substr(0, length)) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
    quoted += '"';
    response.headers.Add("warning", std::move(quoted));
  }
}

Result<int64_t> ParseInteger(std::string_view text) {
  std::string_view digits = text.starts_with('+') && !text.starts_with("+-") ? text.substr(1) : text;
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  bool whole = end == digits.data() + digits.size();
  if (error == std::errc{} && whole) return value;
  std::string_view why = error == std::errc::result_out_of_range && whole ? "value out of range" : "invalid syntax";
  return Fail(Error::BadRequest("strconv.ParseInt: parsing \"{}\": {}", text, why));
}

Result<std::optional<int64_t>> IntegerParameter(const Query& query, std::string_view name) {
  if (!query.Has(name)) return std::optional<int64_t>();
  return ParseInteger(query.Get(name));
}

}  // namespace sampan::apiserver
