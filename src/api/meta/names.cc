#include "api/meta/names.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "api/meta/ip_address.h"

namespace sampan::api {
namespace {

bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLowerAlnum(char c) {
  return IsLower(c) || IsDigit(c);
}
bool IsAlnum(char c) {
  return IsLowerAlnum(c) || IsUpper(c);
}

std::string MaxLength(size_t length) {
  return fmt::format("must be no more than {} characters", length);
}
// Of label keys and values.
std::string MaxBytes(size_t length) {
  return fmt::format("must be no more than {} bytes", length);
}

std::string PatternFault(std::string_view message, std::string_view pattern,
                         std::initializer_list<std::string_view> examples) {
  std::string out(message);
  out += " (e.g. ";
  bool first = true;
  for (std::string_view example : examples) {
    if (!std::exchange(first, false)) out += " or ";
    out += fmt::format("'{}', ", example);
  }
  return out + fmt::format("regex used for validation is '{}')", pattern);
}

// [a-z0-9]([-a-z0-9]*[a-z0-9])?
bool IsLabelShaped(std::string_view text) {
  if (text.empty() || !IsLowerAlnum(text.front()) || !IsLowerAlnum(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return IsLowerAlnum(c) || c == '-'; });
}

bool IsSubdomainShaped(std::string_view text) {
  while (true) {
    size_t dot = text.find('.');
    if (!IsLabelShaped(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]
bool IsQualifiedPart(std::string_view text) {
  if (text.empty() || !IsAlnum(text.front()) || !IsAlnum(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

constexpr std::string_view kQualifiedPattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
constexpr std::string_view kQualifiedRule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

}  // namespace

Faults CheckDns1123Label(std::string_view name) {
  Faults faults;
  if (name.size() > 63) faults.push_back(MaxLength(63));
  if (!IsLabelShaped(name)) {
    faults.push_back(
        PatternFault("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
                     "and end with an "
                     "alphanumeric character",
                     "[a-z0-9]([-a-z0-9]*[a-z0-9])?", {"my-name", "123-abc"}));
  }
  return faults;
}

Faults CheckDns1123Subdomain(std::string_view name) {
  Faults faults;
  if (name.size() > 253) faults.push_back(MaxLength(253));
  if (!IsSubdomainShaped(name)) {
    faults.push_back(
        PatternFault("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
                     "must start and end "
                     "with an alphanumeric character",
                     R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)", {"example.com"}));
  }
  return faults;
}

Faults CheckDns1035Label(std::string_view name) {
  Faults faults;
  if (name.size() > 63) faults.push_back(MaxLength(63));
  if (!IsLabelShaped(name) || !IsLower(name.front())) {
    faults.push_back(
        PatternFault("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
                     "character, and end "
                     "with an alphanumeric character",
                     "[a-z]([-a-z0-9]*[a-z0-9])?", {"my-name", "abc-123"}));
  }
  return faults;
}

Faults CheckQualifiedName(std::string_view text) {
  Faults faults;
  std::string_view name = text;
  if (size_t slash = text.find('/'); slash != std::string_view::npos) {
    std::string_view prefix = text.substr(0, slash);
    name = text.substr(slash + 1);
    if (name.find('/') != std::string_view::npos) {
      faults.push_back("a qualified name " +
                       PatternFault(kQualifiedRule, kQualifiedPattern, {"MyName", "my.name", "123-abc"}) +
                       " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')");
      return faults;
    }
    if (prefix.empty()) {
      faults.push_back("prefix part must be non-empty");
    } else {
      for (std::string& fault : CheckDns1123Subdomain(prefix)) faults.push_back("prefix part " + fault);
    }
  }
  if (name.empty()) faults.push_back("name part must be non-empty");
  if (name.size() > 63) faults.push_back("name part " + MaxBytes(63));
  if (!IsQualifiedPart(name)) {
    faults.push_back("name part " + PatternFault(kQualifiedRule, kQualifiedPattern, {"MyName", "my.name", "123-abc"}));
  }
  return faults;
}

Faults CheckLabelValue(std::string_view value) {
  Faults faults;
  if (value.size() > 63) faults.push_back(MaxBytes(63));
  if (!value.empty() && !IsQualifiedPart(value)) {
    faults.push_back(
        PatternFault("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
                     "must start and end "
                     "with an alphanumeric character",
                     "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", {"MyValue", "my_value", "12345"}));
  }
  return faults;
}

Faults CheckEnvVarName(std::string_view name) {
  if (name.empty()) return {"environment variable name must be non-empty"};
  bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~' && c != '='; });
  if (printable) return {};
  return {"a valid environment variable name must consist only of printable ASCII characters other than '='"};
}

Faults CheckConfigMapKey(std::string_view key) {
  Faults faults;
  if (key.size() > 253) faults.push_back(MaxLength(253));
  bool shaped = std::all_of(key.begin(), key.end(), [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
  if (key.empty() || !shaped) {
    faults.push_back(PatternFault("a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                                  "[-._a-zA-Z0-9]+", {"key.name", "KEY_NAME", "key-name"}));
  }
  if (key == ".") {
    faults.push_back("must not be '.'");
  } else if (key == "..") {
    faults.push_back("must not be '..'");
  } else if (key.starts_with("..")) {
    faults.push_back("must not start with '..'");
  }
  return faults;
}

Faults CheckPortName(std::string_view name) {
  Faults faults;
  if (name.size() > 15) faults.push_back(MaxLength(15));
  if (!std::all_of(name.begin(), name.end(), [](char c) { return IsLowerAlnum(c) || c == '-'; })) {
    faults.push_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!std::any_of(name.begin(), name.end(), IsLower)) faults.push_back("must contain at least one letter (a-z)");
  if (name.find("--") != std::string_view::npos) faults.push_back("must not contain consecutive hyphens");
  if (!name.empty() && (name.front() == '-' || name.back() == '-')) {
    faults.push_back("must not begin or end with a hyphen");
  }
  return faults;
}

Faults CheckPortNumber(int64_t port) {
  if (port >= 1 && port <= 65535) return {};
  return {"must be between 1 and 65535, inclusive"};
}

Faults CheckPathSegmentName(std::string_view name) {
  if (name == ".") return {"may not be '.'"};
  if (name == "..") return {"may not be '..'"};
  Faults faults;
  if (name.find('/') != std::string_view::npos) faults.push_back("may not contain '/'");
  if (name.find('%') != std::string_view::npos) faults.push_back("may not contain '%'");
  return faults;
}

Faults CheckHttpHeaderName(std::string_view name) {
  if (!name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return IsAlnum(c) || c == '-'; })) return {};
  return {PatternFault("a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+",
                       {"X-Header-Name"})};
}

Faults CheckPercent(std::string_view text) {
  if (text.size() > 1 && text.back() == '%' && std::all_of(text.begin(), text.end() - 1, IsDigit)) return {};
  return {
      PatternFault("a valid percent string must be a numeric string followed by an ending '%'", "[0-9]+%", {"1%", "93%"})};
}

Faults CheckIp(std::string_view text) {
  if (IpAddress::Parse(text)) return {};
  return {"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"};
}

std::string GenerateName(std::string_view prefix, uint64_t random) {
  // No vowels and no look-alikes: neither words nor misreadings.
  static constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string name(prefix.substr(0, 63 - 5));
  for (int i = 0; i < 5; ++i) {
    name += kAlphabet[random % kAlphabet.size()];
    random /= kAlphabet.size();
  }
  return name;
}

}  // namespace sampan::api
