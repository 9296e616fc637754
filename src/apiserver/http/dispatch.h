// The way of every HTTP request: parse, limit, authenticate, authorize, route, answer, count.
#pragma once

#include "apiserver/http/context.h"

namespace sampan::apiserver {

Task<void> Dispatch(HttpContext* context, net::Request* request, net::ResponseWriter* writer);

}  // namespace sampan::apiserver
