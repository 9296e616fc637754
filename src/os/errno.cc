#include "os/errno.h"

#include <cerrno>
#include <cstring>

namespace sampan::os {

namespace {

Reason ReasonOf(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ESRCH:
    case ENODEV:
      return Reason::kNotFound;
    case EEXIST:
      return Reason::kAlreadyExists;
    case EPERM:
    case EACCES:
      return Reason::kForbidden;
    case EAGAIN:
    case ETIMEDOUT:
      return Reason::kTimeout;
    case EBUSY:
    case ENOTEMPTY:
      return Reason::kConflict;
    default:
      return Reason::kInternalError;
  }
}

}  // namespace

Error ErrnoError(int error_number, std::string_view what) {
  return Error(ReasonOf(error_number), Error::Errno(error_number, what).message());
}

Error LastError(std::string_view what) {
  return ErrnoError(errno, what);
}

}  // namespace sampan::os
