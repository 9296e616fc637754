#include "base/error.h"

#include <array>
#include <cstring>

namespace sampan {
namespace {

struct ReasonRow {
  Reason reason;
  std::string_view name;
  int status;
};

constexpr std::array kReasons{
    ReasonRow{Reason::kUnknown, "", 500},
    ReasonRow{Reason::kBadRequest, "BadRequest", 400},
    ReasonRow{Reason::kUnauthorized, "Unauthorized", 401},
    ReasonRow{Reason::kForbidden, "Forbidden", 403},
    ReasonRow{Reason::kNotFound, "NotFound", 404},
    ReasonRow{Reason::kMethodNotAllowed, "MethodNotAllowed", 405},
    ReasonRow{Reason::kNotAcceptable, "NotAcceptable", 406},
    ReasonRow{Reason::kAlreadyExists, "AlreadyExists", 409},
    ReasonRow{Reason::kConflict, "Conflict", 409},
    ReasonRow{Reason::kGone, "Gone", 410},
    ReasonRow{Reason::kExpired, "Expired", 410},
    ReasonRow{Reason::kRequestEntityTooLarge, "RequestEntityTooLarge", 413},
    ReasonRow{Reason::kUnsupportedMediaType, "UnsupportedMediaType", 415},
    ReasonRow{Reason::kInvalid, "Invalid", 422},
    ReasonRow{Reason::kTooManyRequests, "TooManyRequests", 429},
    ReasonRow{Reason::kInternalError, "InternalError", 500},
    ReasonRow{Reason::kServiceUnavailable, "ServiceUnavailable", 503},
    ReasonRow{Reason::kTimeout, "Timeout", 504},
    ReasonRow{Reason::kServerTimeout, "ServerTimeout", 500},
};

}  // namespace

int HttpStatusOf(Reason reason) {
  return kReasons[static_cast<size_t>(reason)].status;
}

std::string_view ReasonName(Reason reason) {
  return kReasons[static_cast<size_t>(reason)].name;
}

Reason ReasonFromStatus(std::string_view name, int http_status) {
  for (const ReasonRow& row : kReasons) {
    if (!name.empty() && row.name == name) return row.reason;
  }
  for (const ReasonRow& row : kReasons) {
    if (row.reason != Reason::kUnknown && row.status == http_status) return row.reason;
  }
  return Reason::kUnknown;
}

Error Error::Errno(int error_number, std::string_view what) {
  std::array<char, 128> buffer{};
  return InternalError("{}: {}", what, strerror_r(error_number, buffer.data(), buffer.size()));
}

}  // namespace sampan
