// The paths of a proxied request: that which its client sees as upstream's root, and that which upstream is asked for. Pure.
#pragma once

#include <string>
#include <string_view>

#include "apiserver/request_info.h"

namespace sampan::apiserver {

// The path of this server that stands for upstream's root, without its slash.
std::string ProxyPrefix(const RequestInfo& info);

// Path and query upstream: as they were sent where that can be told, else encoded anew. `path` is the request's, undecoded.
std::string ProxyTarget(std::string_view path, std::string_view query, const RequestInfo& info);

}  // namespace sampan::apiserver
