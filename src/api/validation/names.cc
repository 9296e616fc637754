#include "api/validation/names.h"

#include <charconv>

#include "api/meta/ip_address.h"
#include "api/meta/names.h"

namespace sampan::api::names {
namespace {

Fault First(Faults faults) {
  return faults.empty() ? Fault() : Fault(std::move(faults.front()));
}

}  // namespace

Fault Dns1123Label(std::string_view text) {
  return First(CheckDns1123Label(text));
}
Fault Dns1123Subdomain(std::string_view text) {
  return First(CheckDns1123Subdomain(text));
}
Fault Dns1035Label(std::string_view text) {
  return First(CheckDns1035Label(text));
}
Fault PathSegment(std::string_view text) {
  return First(CheckPathSegmentName(text));
}
Fault QualifiedName(std::string_view text) {
  return First(CheckQualifiedName(text));
}
Fault LabelValue(std::string_view text) {
  return First(CheckLabelValue(text));
}
Fault ConfigKey(std::string_view text) {
  return First(CheckConfigMapKey(text));
}
Fault EnvVar(std::string_view text) {
  return First(CheckEnvVarName(text));
}
Fault PortName(std::string_view text) {
  return First(CheckPortName(text));
}
Fault HttpHeader(std::string_view text) {
  return First(CheckHttpHeaderName(text));
}
Fault IpAddress(std::string_view text) {
  return First(CheckIp(text));
}

bool IsIpv4(std::string_view text) {
  std::optional<api::IpAddress> address = api::IpAddress::Parse(text);
  return address && address->v4() && text.find(':') == std::string_view::npos;
}

bool IsIpv6(std::string_view text) {
  std::optional<api::IpAddress> address = api::IpAddress::Parse(text);
  return address && !address->v4();
}

Fault Cidr(std::string_view text) {
  size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    std::string_view address = text.substr(0, slash);
    int bits = -1;
    auto [end, error] = std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
    bool number = error == std::errc() && end == text.data() + text.size() && bits >= 0;
    if (number && ((bits <= 32 && IsIpv4(address)) || (bits <= 128 && IsIpv6(address)))) return {};
  }
  return "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
}

}  // namespace sampan::api::names
