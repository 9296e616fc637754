// HTTP's door into the server: from the head of a request to the last byte of its answer.
#pragma once

#include "apiserver/http/context.h"

namespace sampan::apiserver {

Task<void> Dispatch(HttpContext* context, net::Request* request, net::ResponseWriter* writer);

}  // namespace sampan::apiserver
