#include "dns/zone.h"

#include <algorithm>

namespace sampan::dns {

namespace {

using Section = ResponseWriter::Section;
using Kind = Zone::Outcome::Kind;

constexpr std::string_view kSpecVersion = "1.1.0";

// How many ports of a slice match a query, so that each slice is looked at once and not for each of its endpoints.
using PortCounts = std::unordered_map<const void*, std::ptrdiff_t>;

template <class F>
std::ptrdiff_t CountOf(const SharedPorts& ports, F matches, PortCounts& counts) {
  auto [count, added] = counts.try_emplace(ports.identity(), 0);
  if (added) count->second = std::ranges::count_if(ports.all(), matches);
  return count->second;
}

// "a.b.c" -> {"a.b", "c"}; without a dot {"", text}.
std::pair<std::string_view, std::string_view> SplitLast(std::string_view text) {
  size_t dot = text.rfind('.');
  if (dot == text.npos) return {{}, text};
  return {text.substr(0, dot), text.substr(dot + 1)};
}

// `name` without ".suffix"; nothing when it does not end so. The suffix itself gives "".
std::optional<std::string_view> Below(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  if (name.empty()) return name;
  if (name.back() != '.') return std::nullopt;
  name.remove_suffix(1);
  return name;
}

bool Wants(Type asked, const IpAddress& address) {
  return asked == (address.size == 4 ? Type::kA : Type::kAaaa);
}

// "10-244-0-3" as an address; a double dash of IPv6 stays a double colon.
std::optional<IpAddress> ParseDashed(std::string_view label) {
  std::string text(label);
  bool v4 = std::count(text.begin(), text.end(), '-') == 3 && text.find("--") == text.npos;
  std::replace(text.begin(), text.end(), '-', v4 ? '.' : ':');
  std::optional<IpAddress> address = IpAddress::Parse(text);
  if (!address && v4) {
    std::replace(text.begin(), text.end(), '.', ':');
    address = IpAddress::Parse(text);
  }
  return address;
}

}  // namespace

Zone::Zone(ZoneOptions options)
    : options_(std::move(options)), nameserver_("ns.dns." + options_.domain), mailbox_("hostmaster." + options_.domain) {}

void Zone::ChangePointers(const std::string& key, const ServiceRecord& record, int change) {
  auto claim = [&](const IpAddress& address, const std::string& name) {
    auto& names = pointers_[address];
    if ((names[name] += change) <= 0) names.erase(name);
    if (names.empty()) pointers_.erase(address);
  };
  for (const IpAddress& address : record.cluster_ips) claim(address, key);
  for (const EndpointRecord& endpoint : record.endpoints)
    claim(endpoint.address, fmt::format("{}.{}", endpoint.hostname, key));
}

void Zone::SetService(const std::string& namespace_, const std::string& name, ServiceRecord record) {
  std::string key = fmt::format("{}.{}", name, namespace_);
  auto found = services_.find(key);
  if (found != services_.end()) {
    if (found->second == record) return;
    ChangePointers(key, found->second, -1);
  }
  ++serial_;
  ChangePointers(key, record, 1);
  services_.insert_or_assign(std::move(key), std::move(record));
}

void Zone::RemoveService(const std::string& namespace_, const std::string& name) {
  auto found = services_.find(fmt::format("{}.{}", name, namespace_));
  if (found == services_.end()) return;
  ++serial_;
  ChangePointers(found->first, found->second, -1);
  services_.erase(found);
}

void Zone::AddSoa(Section section, ResponseWriter& writer) const {
  writer.AddSoa(section, options_.ttl,
                {.zone = options_.domain,
                 .primary = nameserver_,
                 .mailbox = mailbox_,
                 .serial = serial_,
                 .refresh = 7200,
                 .retry = 1800,
                 .expire = 86400,
                 .minimum = options_.ttl});
}

// The name exists. Without records of the type asked for, the response carries the SOA.
Zone::Outcome Zone::Found(const Query& query, ResponseWriter& writer) const {
  // RFC 8482: a name's whole content is nobody's business.
  if (query.type == Type::kAny && writer.answers() == 0) writer.AddHinfo({}, options_.ttl, "RFC8482");
  if (writer.answers() == 0) AddSoa(Section::kAuthority, writer);
  return {.kind = Kind::kAnswered};
}

Zone::Outcome Zone::Absent(ResponseWriter& writer) const {
  AddSoa(Section::kAuthority, writer);
  return {.kind = Kind::kAnswered, .rcode = Rcode::kNxDomain};
}

void Zone::SetLocalNames(LocalNames names) {
  local_ = std::move(names);
  local_pointers_.clear();
  for (const auto& [name, addresses] : local_.hosts) {
    for (const IpAddress& address : addresses) local_pointers_[address].push_back(name);
  }
}

std::optional<Zone::Outcome> Zone::AnswerLocal(const Query& query, ResponseWriter& writer) const {
  auto alias = local_.aliases.find(query.name());
  if (alias != local_.aliases.end()) {
    writer.AddName(Section::kAnswer, {}, Type::kCname, options_.ttl, alias->second);
    if (query.type == Type::kCname) return Found(query, writer);
    return Outcome{.kind = Kind::kExternal, .target = alias->second};
  }
  auto host = local_.hosts.find(query.name());
  if (host != local_.hosts.end()) {
    for (const IpAddress& address : host->second) {
      if (Wants(query.type, address)) writer.AddAddress(Section::kAnswer, {}, options_.ttl, address);
    }
    return Found(query, writer);
  }
  if (query.type != Type::kPtr) return std::nullopt;
  std::optional<IpAddress> address = ParseReverseName(query.name());
  auto names = address ? local_pointers_.find(*address) : local_pointers_.end();
  if (names == local_pointers_.end()) return std::nullopt;
  for (const std::string& name : names->second) writer.AddName(Section::kAnswer, {}, Type::kPtr, options_.ttl, name);
  return Found(query, writer);
}

Zone::Outcome Zone::Answer(const Query& query, uint32_t rotation, ResponseWriter& writer) const {
  if (!local_.empty()) {
    std::optional<Outcome> local = AnswerLocal(query, writer);
    if (local) return *local;
  }
  std::optional<std::string_view> rest = Below(query.name(), options_.domain);
  if (rest) return AnswerInZone(*rest, query, rotation, writer);
  if (query.type == Type::kPtr) return AnswerReverse(query, writer);
  return {.kind = Kind::kNotHere};
}

Zone::Outcome Zone::AnswerInZone(std::string_view rest, const Query& query, uint32_t rotation,
                                 ResponseWriter& writer) const {
  if (rest.empty()) return AnswerApex(query, writer);
  auto [below, kind] = SplitLast(rest);
  if (kind == "svc") return AnswerService(below, query, rotation, writer);
  if (kind == "pod") return AnswerPod(below, query, writer);
  if (rest == "dns-version") {
    if (query.type == Type::kTxt) writer.AddText({}, options_.ttl, kSpecVersion);
    return Found(query, writer);
  }
  if (rest == "ns.dns") {
    for (const IpAddress& address : options_.server_addresses) {
      if (Wants(query.type, address)) writer.AddAddress(Section::kAnswer, {}, options_.ttl, address);
    }
    return Found(query, writer);
  }
  return rest == "dns" ? Found(query, writer) : Absent(writer);
}

Zone::Outcome Zone::AnswerApex(const Query& query, ResponseWriter& writer) const {
  if (query.type == Type::kSoa) AddSoa(Section::kAnswer, writer);
  if (query.type == Type::kNs) {
    writer.AddName(Section::kAnswer, {}, Type::kNs, options_.ttl, nameserver_);
    for (const IpAddress& address : options_.server_addresses) {
      writer.AddAddress(Section::kAdditional, nameserver_, options_.ttl, address);
    }
  }
  return Found(query, writer);
}

// `rest` is what stands before ".svc.<domain>".
Zone::Outcome Zone::AnswerService(std::string_view rest, const Query& query, uint32_t rotation,
                                  ResponseWriter& writer) const {
  if (rest.empty()) return Found(query, writer);
  auto [names, ns] = SplitLast(rest);
  if (names.empty()) return namespaces_.contains(ns) ? Found(query, writer) : Absent(writer);
  auto [prefix, name] = SplitLast(names);
  std::string_view key = rest.substr(prefix.empty() ? 0 : prefix.size() + 1);  // "name.namespace"
  auto found = services_.find(key);
  if (found == services_.end()) return Absent(writer);
  const ServiceRecord& service = found->second;
  if (prefix.empty()) return AnswerWhole(service, key, query, rotation, writer);
  if (!service.external_name.empty()) return Absent(writer);
  auto [port, last] = SplitLast(prefix);
  if (last.starts_with('_')) {
    if (port.empty()) return AnswerPort(service, key, {}, last.substr(1), query, writer);
    if (!port.starts_with('_') || port.find('.') != port.npos) return Absent(writer);
    return AnswerPort(service, key, port.substr(1), last.substr(1), query, writer);
  }
  return port.empty() ? AnswerEndpoint(service, last, query, writer) : Absent(writer);
}

Zone::Outcome Zone::AnswerWhole(const ServiceRecord& service, std::string_view key, const Query& query, uint32_t rotation,
                                ResponseWriter& writer) const {
  if (!service.external_name.empty()) {
    writer.AddName(Section::kAnswer, {}, Type::kCname, options_.ttl, service.external_name);
    if (query.type == Type::kCname) return Found(query, writer);
    return {.kind = Kind::kExternal, .target = service.external_name};
  }
  if (query.type == Type::kSrv) {
    WriteServices(service, key, {}, {}, writer);
    return Found(query, writer);
  }
  for (const IpAddress& address : service.cluster_ips) {
    if (Wants(query.type, address)) writer.AddAddress(Section::kAnswer, {}, options_.ttl, address);
  }
  size_t count = service.endpoints.size();
  for (size_t i = 0; i < count; ++i) {
    const EndpointRecord& endpoint = service.endpoints[(i + rotation) % count];
    if (Wants(query.type, endpoint.address)) writer.AddAddress(Section::kAnswer, {}, options_.ttl, endpoint.address);
    if (writer.truncated()) break;
  }
  // A headless service without ready endpoints has no name.
  if (service.cluster_ips.empty() && count == 0) return Absent(writer);
  return Found(query, writer);
}

// SRV records of the ports that match; empty names match every port.
void Zone::WriteServices(const ServiceRecord& service, std::string_view key, std::string_view port,
                         std::string_view protocol, ResponseWriter& writer) const {
  auto matches = [&](const PortRecord& record) {
    if (record.name.empty()) return port.empty() && protocol.empty();
    return (port.empty() || record.name == port) && (protocol.empty() || record.protocol == protocol);
  };
  std::string base = fmt::format("{}.svc.{}", key, options_.domain);
  PortCounts counts;
  auto matching = std::ranges::count_if(service.ports, matches);
  for (const EndpointRecord& endpoint : service.endpoints) matching += CountOf(endpoint.ports, matches, counts);
  const auto count = static_cast<size_t>(matching);
  auto weight = static_cast<uint16_t>(std::max<size_t>(1, 100 / std::max<size_t>(count, 1)));
  for (const PortRecord& record : service.ports) {
    if (!matches(record)) continue;
    writer.AddSrv({}, options_.ttl, {.weight = weight, .port = record.port, .target = base});
    if (writer.truncated()) return;
  }
  if (count > 0) {
    for (const IpAddress& address : service.cluster_ips)
      writer.AddAddress(Section::kAdditional, base, options_.ttl, address);
  }
  for (const EndpointRecord& endpoint : service.endpoints) {
    if (CountOf(endpoint.ports, matches, counts) == 0) continue;
    std::string target = fmt::format("{}.{}", endpoint.hostname, base);
    for (const PortRecord& record : endpoint.ports.all()) {
      if (!matches(record)) continue;
      writer.AddSrv({}, options_.ttl, {.weight = weight, .port = record.port, .target = target});
      if (writer.truncated()) return;
    }
  }
  for (const EndpointRecord& endpoint : service.endpoints) {
    if (CountOf(endpoint.ports, matches, counts) == 0) continue;
    writer.AddAddress(Section::kAdditional, fmt::format("{}.{}", endpoint.hostname, base), options_.ttl, endpoint.address);
  }
}

Zone::Outcome Zone::AnswerPort(const ServiceRecord& service, std::string_view key, std::string_view port,
                               std::string_view protocol, const Query& query, ResponseWriter& writer) const {
  auto matches = [&](const PortRecord& record) {
    return !record.name.empty() && record.protocol == protocol && (port.empty() || record.name == port);
  };
  bool exists = std::any_of(service.ports.begin(), service.ports.end(), matches);
  PortCounts counts;
  for (const EndpointRecord& endpoint : service.endpoints) exists = exists || CountOf(endpoint.ports, matches, counts) > 0;
  if (!exists) return Absent(writer);
  if (query.type == Type::kSrv) WriteServices(service, key, port, protocol, writer);
  return Found(query, writer);
}

Zone::Outcome Zone::AnswerEndpoint(const ServiceRecord& service, std::string_view hostname, const Query& query,
                                   ResponseWriter& writer) const {
  bool exists = false;
  for (const EndpointRecord& endpoint : service.endpoints) {
    if (endpoint.hostname != hostname) continue;
    exists = true;
    if (Wants(query.type, endpoint.address)) writer.AddAddress(Section::kAnswer, {}, options_.ttl, endpoint.address);
  }
  return exists ? Found(query, writer) : Absent(writer);
}

// The name says its address itself; only the namespace is checked.
Zone::Outcome Zone::AnswerPod(std::string_view rest, const Query& query, ResponseWriter& writer) const {
  if (rest.empty()) return Found(query, writer);
  auto [label, ns] = SplitLast(rest);
  if (!namespaces_.contains(ns)) return Absent(writer);
  if (label.empty()) return Found(query, writer);
  std::optional<IpAddress> address = ParseDashed(label);
  if (!address) return Absent(writer);
  if (Wants(query.type, *address)) writer.AddAddress(Section::kAnswer, {}, options_.ttl, *address);
  return Found(query, writer);
}

Zone::Outcome Zone::AnswerReverse(const Query& query, ResponseWriter& writer) const {
  std::optional<IpAddress> address = ParseReverseName(query.name());
  if (!address) return {.kind = Kind::kNotHere};
  auto found = pointers_.find(*address);
  if (found == pointers_.end()) return {.kind = Kind::kNotHere};
  for (const auto& [name, claims] : found->second) {
    writer.AddName(Section::kAnswer, {}, Type::kPtr, options_.ttl, fmt::format("{}.svc.{}", name, options_.domain));
  }
  return Found(query, writer);
}

std::optional<IpAddress> ParseReverseName(std::string_view name) {
  std::string text;
  std::optional<std::string_view> rest = Below(name, "in-addr.arpa");
  bool v4 = rest.has_value();
  if (!v4) rest = Below(name, "ip6.arpa");
  if (!rest) return std::nullopt;
  size_t labels = 0;
  while (!rest->empty()) {
    auto [before, label] = SplitLast(*rest);
    if (!v4 && label.size() != 1) return std::nullopt;
    if (labels > 0 && (v4 || labels % 4 == 0)) text += v4 ? '.' : ':';
    text += label;
    rest = before;
    ++labels;
  }
  if (labels != (v4 ? 4u : 32u)) return std::nullopt;
  return IpAddress::Parse(text);
}

}  // namespace sampan::dns
