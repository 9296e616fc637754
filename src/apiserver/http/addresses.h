// Where a request comes from, as the audit log tells it. Pure.
#pragma once

#include <string>
#include <vector>

#include "net/http.h"

namespace sampan::apiserver {

// The addresses that proxies say they forwarded it for, then the one that it came from. What is no address is left out.
std::vector<std::string> AddressesOf(const net::Request& request);

}  // namespace sampan::apiserver
