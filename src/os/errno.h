// errno as an Error: ENOENT, ESRCH and ENODEV are NotFound, EEXIST is AlreadyExists, EPERM and EACCES are Forbidden, EBUSY
// and ENOTEMPTY are Conflict, EAGAIN and ETIMEDOUT are Timeout, anything else is InternalError.
// The message is "what: No such file or directory".
#pragma once

#include <string_view>

#include "base/error.h"

namespace sampan::os {

Error ErrnoError(int error_number, std::string_view what);
Error LastError(std::string_view what);  // of the calling thread's errno

}  // namespace sampan::os
