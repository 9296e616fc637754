#include "net/detail/session.h"

#include <time.h>

namespace sampan::net::detail {

Response ServerShared::ErrorResponse(int status, std::string_view reason) const {
  if (options.error_response) return options.error_response(status, reason);
  Response response{.status = status};
  response.headers.Add("content-type", "text/plain; charset=utf-8");
  response.body.push_back(Chunk::Copy(fmt::format("{} {}: {}\n", status, StatusText(status), reason)));
  return response;
}

void TellTooSlow(const ServerBody& body, const ServerShared& server, Response& response) {
  if (!body.too_slow() || response.status != HttpStatusOf(Reason::kTimeout)) return;
  response = server.ErrorResponse(408, "the request body did not arrive in time");
}

std::string_view StatusText(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Entity";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

std::string_view HttpDate() {
  struct Cache {
    time_t second = 0;
    std::array<char, 32> text{};
    size_t length = 0;
  };
  thread_local Cache cache;
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != cache.second) {
    tm utc;
    gmtime_r(&now.tv_sec, &utc);
    cache.length = strftime(cache.text.data(), cache.text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    cache.second = now.tv_sec;
  }
  return {cache.text.data(), cache.length};
}

}  // namespace sampan::net::detail
