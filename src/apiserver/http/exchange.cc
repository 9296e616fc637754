#include "apiserver/http/exchange.h"

#include <charconv>

#include "apiserver/errors.h"

namespace sampan::apiserver {

auth::Attributes AttributesOf(const Exchange& exchange) {
  const RequestInfo& info = exchange.info;
  return {.user = &exchange.user,
          .verb = info.verb,
          .group = info.group,
          .version = info.version,
          .resource = info.resource,
          .subresource = info.subresource,
          .namespace_ = info.namespace_,
          .name = info.name,
          .path = info.path,
          .resource_request = info.is_resource};
}

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
  constexpr size_t kMaxWarnings = 32;
  for (size_t i = 0; i < warnings.size() && i < kMaxWarnings; ++i) {
    std::string quoted = "299 - \"";
    for (char c : warnings[i]) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    quoted += '"';
    response.headers.Add("warning", std::move(quoted));
  }
}

Result<std::optional<int64_t>> IntegerParameter(const Query& query, std::string_view name) {
  std::string_view text = query.Get(name);
  if (text.empty()) return std::optional<int64_t>();
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return Fail(Error::BadRequest("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
  }
  return std::optional<int64_t>(value);
}

}  // namespace sampan::apiserver
