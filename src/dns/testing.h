// Questions and answers as text, for the tests of this module.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "dns/response.h"

namespace sampan::dns {

inline Bytes BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string TypeName(uint16_t type) {
  switch (static_cast<Type>(type)) {
    case Type::kA:
      return "A";
    case Type::kAaaa:
      return "AAAA";
    case Type::kNs:
      return "NS";
    case Type::kCname:
      return "CNAME";
    case Type::kSoa:
      return "SOA";
    case Type::kPtr:
      return "PTR";
    case Type::kTxt:
      return "TXT";
    case Type::kSrv:
      return "SRV";
    case Type::kHinfo:
      return "HINFO";
    case Type::kOpt:
      return "OPT";
    default:
      return std::to_string(type);
  }
}

inline std::string DataText(const ResponseView& view, const RecordView& record) {
  switch (static_cast<Type>(record.type)) {
    case Type::kA:
    case Type::kAaaa: {
      IpAddress address;
      address.size = static_cast<uint8_t>(record.data.size());
      std::copy(record.data.begin(), record.data.end(), address.bytes.begin());
      return address.ToString();
    }
    case Type::kCname:
    case Type::kNs:
    case Type::kPtr:
    case Type::kSoa:
      return view.NameAt(record.data_at).value_or("malformed");
    case Type::kSrv:
      return fmt::format("{} {} {} {}", record.data[0] << 8 | record.data[1], record.data[2] << 8 | record.data[3],
                         record.data[4] << 8 | record.data[5], view.NameAt(record.data_at + 6).value_or("malformed"));
    case Type::kTxt:
      return std::string(record.data.begin() + 1, record.data.end());
    default:
      return "";
  }
}

// "NOERROR web.default.svc.cluster.local A 10.96.0.7; authority: cluster.local SOA ns.dns.cluster.local"; records of OPT
// are left out.
inline std::string Describe(Bytes response) {
  std::optional<ResponseView> view = ResponseView::Parse(response);
  if (!view) return "malformed";
  static const char* const kRcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  std::string text = kRcodes[static_cast<size_t>(view->rcode())];
  if (view->truncated()) text += " TC";
  static const char* const kSections[] = {"", "; authority:", "; additional:"};
  size_t section = 0;
  view->ForEach([&](const RecordView& record) {
    if (record.type == static_cast<uint16_t>(Type::kOpt)) return true;
    if (record.section != section) text += kSections[section = record.section];
    text += fmt::format("{} {} {} {}", text.back() == ':' || record.section == 0 ? "" : ",",
                        view->NameAt(record.owner_at).value_or("malformed"), TypeName(record.type), DataText(*view, record));
    return true;
  });
  return text;
}

}  // namespace sampan::dns
