// Errors are values in the vocabulary of the Kubernetes API: every failure that a user can see carries one of the
// reasons of metav1.Status, a message, and, for invalid input, the causes with their field paths.
// Broken invariants do not travel as errors; they CHECK (base/check.h).
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sampan {

// The reasons of metav1.Status, and the HTTP status each is served with (HttpStatusOf).
enum class Reason : unsigned char {
  kUnknown,                // 500, no reason published
  kBadRequest,             // 400
  kUnauthorized,           // 401
  kForbidden,              // 403
  kNotFound,               // 404
  kMethodNotAllowed,       // 405
  kNotAcceptable,          // 406
  kAlreadyExists,          // 409
  kConflict,               // 409
  kGone,                   // 410
  kExpired,                // 410: the resourceVersion is older than the oldest kept event
  kRequestEntityTooLarge,  // 413
  kUnsupportedMediaType,   // 415
  kInvalid,                // 422
  kTooManyRequests,        // 429
  kInternalError,          // 500
  kServiceUnavailable,     // 503
  kTimeout,                // 504: the operation did not finish in time; it may still take effect
  kServerTimeout,          // 500: not done, the client may try again
};

int HttpStatusOf(Reason reason);
std::string_view ReasonName(Reason reason);                       // "NotFound"; "" for kUnknown
Reason ReasonFromStatus(std::string_view name, int http_status);  // by name, or by HTTP status where the name is unknown

// One invalid field, as in metav1.StatusCause.
struct ErrorCause {
  std::string type;     // "FieldValueInvalid", "FieldValueRequired", "FieldValueNotSupported", ...
  std::string message;  // `Invalid value: "x": must be ...`
  std::string field;    // "spec.containers[0].name"
};

// What the error is about, as in metav1.StatusDetails.
struct ErrorDetails {
  std::string group;
  std::string kind;  // for NotFound, AlreadyExists, Conflict, Forbidden: the plural resource, as kube-apiserver does
  std::string name;
  std::string uid;
  std::vector<ErrorCause> causes;
  int retry_after_seconds = 0;
};

// Cheap to move and to copy; immutable but for the With* builders. Thread-safe as a value.
class [[nodiscard]] Error {
 public:
  Error(Reason reason, std::string message) : reason_(reason), message_(std::move(message)) {}

  Reason reason() const { return reason_; }
  const std::string& message() const { return message_; }
  const ErrorDetails* details() const { return details_.get(); }  // null when there are none
  bool Is(Reason reason) const { return reason_ == reason; }

  Error WithDetails(ErrorDetails details) && {
    details_ = std::make_shared<const ErrorDetails>(std::move(details));
    return std::move(*this);
  }
  // The same error with "context: " before its message.
  Error Annotate(std::string_view context) const {
    Error copy = *this;
    copy.message_ = fmt::format("{}: {}", context, message_);
    return copy;
  }

  // One constructor a reason: Error::NotFound("pod {} is gone", name).
#define SAMPAN_ERROR_CONSTRUCTOR(NAME)                                               \
  template <class... Args>                                                           \
  static Error NAME(fmt::format_string<Args...> format, Args&&... args) {            \
    return Error(Reason::k##NAME, fmt::format(format, std::forward<Args>(args)...)); \
  }
  SAMPAN_ERROR_CONSTRUCTOR(BadRequest)
  SAMPAN_ERROR_CONSTRUCTOR(Unauthorized)
  SAMPAN_ERROR_CONSTRUCTOR(Forbidden)
  SAMPAN_ERROR_CONSTRUCTOR(NotFound)
  SAMPAN_ERROR_CONSTRUCTOR(MethodNotAllowed)
  SAMPAN_ERROR_CONSTRUCTOR(NotAcceptable)
  SAMPAN_ERROR_CONSTRUCTOR(AlreadyExists)
  SAMPAN_ERROR_CONSTRUCTOR(Conflict)
  SAMPAN_ERROR_CONSTRUCTOR(Gone)
  SAMPAN_ERROR_CONSTRUCTOR(Expired)
  SAMPAN_ERROR_CONSTRUCTOR(RequestEntityTooLarge)
  SAMPAN_ERROR_CONSTRUCTOR(UnsupportedMediaType)
  SAMPAN_ERROR_CONSTRUCTOR(Invalid)
  SAMPAN_ERROR_CONSTRUCTOR(TooManyRequests)
  SAMPAN_ERROR_CONSTRUCTOR(InternalError)
  SAMPAN_ERROR_CONSTRUCTOR(ServiceUnavailable)
  SAMPAN_ERROR_CONSTRUCTOR(Timeout)
  SAMPAN_ERROR_CONSTRUCTOR(ServerTimeout)
#undef SAMPAN_ERROR_CONSTRUCTOR
  static Error Errno(int error_number, std::string_view what);  // InternalError "what: No such file or directory"

 private:
  Reason reason_;
  std::string message_;
  std::shared_ptr<const ErrorDetails> details_;
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> Fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

}  // namespace sampan

template <>
struct fmt::formatter<sampan::Error> : fmt::formatter<std::string_view> {
  auto format(const sampan::Error& error, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(error.message(), context);
  }
};

// TRY(auto x, F()) assigns the value or returns the error; TRY_VOID(F()) only returns the error.
// CO_TRY and CO_TRY_VOID do the same in a coroutine: CO_TRY(auto pod, co_await pods.Get(...)).
#define SAMPAN_CONCAT_(a, b) a##b
#define SAMPAN_CONCAT(a, b) SAMPAN_CONCAT_(a, b)
#define SAMPAN_TRY_(result, decl, ret, ...)                          \
  auto result = __VA_ARGS__;                                         \
  if (!result) [[unlikely]]                                          \
    ret std::unexpected<::sampan::Error>(std::move(result).error()); \
  decl = *std::move(result)
#define SAMPAN_TRY_VOID_(result, ret, ...)                             \
  do {                                                                 \
    auto result = __VA_ARGS__;                                         \
    if (!result) [[unlikely]]                                          \
      ret std::unexpected<::sampan::Error>(std::move(result).error()); \
  } while (false)
#define TRY(decl, ...) SAMPAN_TRY_(SAMPAN_CONCAT(try_result_, __LINE__), decl, return, __VA_ARGS__)
#define TRY_VOID(...) SAMPAN_TRY_VOID_(SAMPAN_CONCAT(try_result_, __LINE__), return, __VA_ARGS__)
#define CO_TRY(decl, ...) SAMPAN_TRY_(SAMPAN_CONCAT(try_result_, __LINE__), decl, co_return, __VA_ARGS__)
#define CO_TRY_VOID(...) SAMPAN_TRY_VOID_(SAMPAN_CONCAT(try_result_, __LINE__), co_return, __VA_ARGS__)
