// The names of a cluster, answered from memory: the records that the Kubernetes DNS specification (version 1.1.0) asks for.
//
//   service.ns.svc.cluster.local             A, AAAA: the cluster IP; of a headless service the ready endpoints; CNAME
//   _port._proto.service.ns.svc...           SRV
//   hostname.service.ns.svc...               A, AAAA of one endpoint of a headless service; 10-244-0-3 when it has none
//   10-244-0-3.ns.pod.cluster.local          A, AAAA
//   7.0.96.10.in-addr.arpa                   PTR of cluster IPs and of endpoints of headless services
//   dns-version.cluster.local                TXT
//
// and the names that the administrator added, which come before the cluster's.
//
// Not thread-safe; the owner guards it. Look-ups allocate nothing but for names of endpoints.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dns/address.h"
#include "dns/config.h"
#include "dns/wire.h"

namespace sampan::dns {

struct PortRecord {
  std::string name;      // "http"; may be empty
  std::string protocol;  // "tcp"
  uint16_t port = 0;
  bool operator==(const PortRecord&) const = default;
};

// The ports of one slice, which all its endpoints share: users may write thousands of both.
class SharedPorts {
 public:
  SharedPorts() = default;
  SharedPorts(std::vector<PortRecord> ports) : ports_(std::make_shared<const std::vector<PortRecord>>(std::move(ports))) {}

  std::span<const PortRecord> all() const {
    return ports_ ? std::span<const PortRecord>(*ports_) : std::span<const PortRecord>();
  }
  const void* identity() const { return ports_.get(); }
  bool operator==(const SharedPorts& other) const {
    return ports_ == other.ports_ || std::ranges::equal(all(), other.all());
  }

 private:
  std::shared_ptr<const std::vector<PortRecord>> ports_;
};

struct EndpointRecord {
  std::string hostname;  // label of its own name, "web-0" or "10-244-0-3"
  IpAddress address;
  SharedPorts ports;
  bool operator==(const EndpointRecord&) const = default;
};

struct ServiceRecord {
  std::vector<IpAddress> cluster_ips;     // empty for headless and external ones
  std::vector<PortRecord> ports;          // of a service with cluster IPs
  std::vector<EndpointRecord> endpoints;  // ready ones of a headless service
  std::string external_name;              // lower case, without a last dot
  bool operator==(const ServiceRecord&) const = default;
};

struct ZoneOptions {
  std::string domain = "cluster.local";
  std::vector<IpAddress> server_addresses;  // what ns.dns.<domain> is
  uint32_t ttl = 5;
};

class Zone {
 public:
  explicit Zone(ZoneOptions options);

  void SetService(const std::string& namespace_, const std::string& name, ServiceRecord record);
  void RemoveService(const std::string& namespace_, const std::string& name);
  void AddNamespace(const std::string& name) { namespaces_.insert(name); }
  void RemoveNamespace(const std::string& name) { namespaces_.erase(name); }
  void SetLocalNames(LocalNames names);
  size_t services() const { return services_.size(); }

  struct Outcome {
    enum class Kind : unsigned char {
      kAnswered,  // the response is complete but for Finish(rcode)
      kNotHere,   // no name of the cluster: ask somebody else
      kExternal,  // the CNAME is written; the rest of the answer is that of `target`
    };
    Kind kind = Kind::kNotHere;
    Rcode rcode = Rcode::kNoError;
    std::string_view target;  // lives until the zone changes
  };
  // Writes the records that answer the query. `rotation` turns the order of addresses, so that clients that take the first
  // one spread out.
  Outcome Answer(const Query& query, uint32_t rotation, ResponseWriter& writer) const;

  const std::string& domain() const { return options_.domain; }

 private:
  std::optional<Outcome> AnswerLocal(const Query& query, ResponseWriter& writer) const;
  Outcome AnswerInZone(std::string_view rest, const Query& query, uint32_t rotation, ResponseWriter& writer) const;
  Outcome AnswerService(std::string_view rest, const Query& query, uint32_t rotation, ResponseWriter& writer) const;
  Outcome AnswerWhole(const ServiceRecord& service, std::string_view key, const Query& query, uint32_t rotation,
                      ResponseWriter& writer) const;
  Outcome AnswerPort(const ServiceRecord& service, std::string_view key, std::string_view port, std::string_view protocol,
                     const Query& query, ResponseWriter& writer) const;
  Outcome AnswerEndpoint(const ServiceRecord& service, std::string_view hostname, const Query& query,
                         ResponseWriter& writer) const;
  Outcome AnswerPod(std::string_view rest, const Query& query, ResponseWriter& writer) const;
  Outcome AnswerApex(const Query& query, ResponseWriter& writer) const;
  Outcome AnswerReverse(const Query& query, ResponseWriter& writer) const;
  void WriteServices(const ServiceRecord& service, std::string_view key, std::string_view port, std::string_view protocol,
                     ResponseWriter& writer) const;
  Outcome Found(const Query& query, ResponseWriter& writer) const;
  Outcome Absent(ResponseWriter& writer) const;
  void AddSoa(ResponseWriter::Section section, ResponseWriter& writer) const;
  void ChangePointers(const std::string& key, const ServiceRecord& record, int change);

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  const ZoneOptions options_;
  const std::string nameserver_;  // "ns.dns.cluster.local"
  const std::string mailbox_;
  uint32_t serial_ = 1;
  std::unordered_map<std::string, ServiceRecord, Hash, std::equal_to<>> services_;  // "name.namespace"
  std::set<std::string, std::less<>> namespaces_;
  std::map<IpAddress, std::map<std::string, int>> pointers_;  // address -> name below svc.<domain> -> claims
  LocalNames local_;
  std::map<IpAddress, std::vector<std::string>> local_pointers_;
};

// The address that a name below in-addr.arpa or ip6.arpa stands for; nothing for other names.
std::optional<IpAddress> ParseReverseName(std::string_view name);

}  // namespace sampan::dns
