// The rules of api/meta/names.h in the form that validation uses: nothing for a good text, else its first fault.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sampan::api::names {

using Fault = std::optional<std::string>;
using Check = Fault (*)(std::string_view text);

Fault Dns1123Label(std::string_view text);
Fault Dns1123Subdomain(std::string_view text);
Fault Dns1035Label(std::string_view text);
Fault PathSegment(std::string_view text);
Fault QualifiedName(std::string_view text);
Fault LabelValue(std::string_view text);
Fault ConfigKey(std::string_view text);
Fault EnvVar(std::string_view text);
Fault PortName(std::string_view text);
Fault HttpHeader(std::string_view text);
Fault IpAddress(std::string_view text);
Fault Cidr(std::string_view text);
bool IsIpv4(std::string_view text);
bool IsIpv6(std::string_view text);

}  // namespace sampan::api::names
