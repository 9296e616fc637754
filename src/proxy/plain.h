// Text from objects on its way into the packet filter's language: only what was read and written anew gets there, so that no
// object, whatever let it through, says more than an address, a range or a name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/service_port.h"

namespace sampan::proxy {

// As the kernel writes it; nothing when it is no address of the family.
std::optional<std::string> PlainAddress(std::string_view address, IpFamily family);
// "10.0.0.0/8", host bits cleared; nothing when it is no range of the family.
std::optional<std::string> PlainRange(std::string_view range, IpFamily family);
// Those of the family, without those that lie within others: the packet filter refuses overlaps.
std::vector<std::string> PlainRanges(std::span<const std::string> ranges, IpFamily family);
// Itself when it can be the part of a chain's name, else a harmless name that no other text has.
std::string PlainName(std::string name);

}  // namespace sampan::proxy
