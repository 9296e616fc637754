#include "dns/zone.h"

#include <gtest/gtest.h>

#include "dns/testing.h"

namespace sampan::dns {
namespace {

IpAddress Ip(std::string_view text) {
  return *IpAddress::Parse(text);
}

Zone MakeZone() {
  Zone zone({.server_addresses = {Ip("10.96.0.10")}});
  zone.AddNamespace("default");
  zone.AddNamespace("empty");
  zone.SetService("default", "web",
                  {.cluster_ips = {Ip("10.96.0.7"), Ip("fd00::7")}, .ports = {{"http", "tcp", 80}, {"dns", "udp", 53}}});
  std::vector<PortRecord> ports = {{"peer", "tcp", 2380}};
  zone.SetService("default", "db", {.endpoints = {{"db-0", Ip("10.244.0.2"), ports}, {"db-1", Ip("10.244.0.3"), ports}}});
  zone.SetService("default", "out", {.external_name = "www.example.com"});
  zone.SetService("default", "none", {});
  return zone;
}

std::string Ask(const Zone& zone, std::string_view name, Type type, uint32_t rotation = 0) {
  std::string message = *WriteQuery(1, name, type);
  Query query;
  if (ParseQuery(BytesOf(message), query).action != Received::Action::kAnswer) return "bad query";
  std::array<uint8_t, kMaxUdpSize> buffer;
  ResponseWriter writer(buffer, query);
  Zone::Outcome outcome = zone.Answer(query, rotation, writer);
  if (outcome.kind == Zone::Outcome::Kind::kNotHere) return "not here";
  Bytes response = Bytes(buffer).first(writer.Finish(outcome.rcode, ResponseWriter::Authority::kYes));
  std::string text = Describe(response);
  if (outcome.kind == Zone::Outcome::Kind::kExternal) return fmt::format("{} and then {}", text, outcome.target);
  return text;
}

constexpr const char* kNoData = "NOERROR; authority: cluster.local SOA ns.dns.cluster.local";
constexpr const char* kNxDomain = "NXDOMAIN; authority: cluster.local SOA ns.dns.cluster.local";

struct ZoneCase {
  const char* name;
  Type type;
  std::string answer;
};

class ZoneAnswers : public ::testing::TestWithParam<ZoneCase> {};

TEST_P(ZoneAnswers, Name) {
  static const Zone zone = MakeZone();
  EXPECT_EQ(Ask(zone, GetParam().name, GetParam().type), GetParam().answer);
}

INSTANTIATE_TEST_SUITE_P(
    Zone, ZoneAnswers,
    ::testing::Values(
        ZoneCase{"web.default.svc.cluster.local", Type::kA, "NOERROR web.default.svc.cluster.local A 10.96.0.7"},
        ZoneCase{"WEB.Default.SVC.cluster.LOCAL", Type::kA, "NOERROR web.default.svc.cluster.local A 10.96.0.7"},
        ZoneCase{"web.default.svc.cluster.local", Type::kAaaa, "NOERROR web.default.svc.cluster.local AAAA fd00::7"},
        ZoneCase{"web.default.svc.cluster.local", Type::kTxt, kNoData},
        ZoneCase{"web.default.svc.cluster.local", Type::kAny, "NOERROR web.default.svc.cluster.local HINFO "},
        ZoneCase{"_http._tcp.web.default.svc.cluster.local", Type::kSrv,
                 "NOERROR _http._tcp.web.default.svc.cluster.local SRV 0 100 80 web.default.svc.cluster.local; additional: "
                 "web.default.svc.cluster.local A 10.96.0.7, web.default.svc.cluster.local AAAA fd00::7"},
        ZoneCase{"_http._udp.web.default.svc.cluster.local", Type::kSrv, kNxDomain},
        ZoneCase{"_http._tcp.web.default.svc.cluster.local", Type::kA, kNoData},
        ZoneCase{"db.default.svc.cluster.local", Type::kA,
                 "NOERROR db.default.svc.cluster.local A 10.244.0.2 db.default.svc.cluster.local A 10.244.0.3"},
        ZoneCase{"db.default.svc.cluster.local", Type::kAaaa, kNoData},
        ZoneCase{"db-1.db.default.svc.cluster.local", Type::kA, "NOERROR db-1.db.default.svc.cluster.local A 10.244.0.3"},
        ZoneCase{"db-2.db.default.svc.cluster.local", Type::kA, kNxDomain},
        ZoneCase{"_peer._tcp.db.default.svc.cluster.local", Type::kSrv,
                 "NOERROR _peer._tcp.db.default.svc.cluster.local SRV 0 50 2380 db-0.db.default.svc.cluster.local "
                 "_peer._tcp.db.default.svc.cluster.local SRV 0 50 2380 db-1.db.default.svc.cluster.local; additional: "
                 "db-0.db.default.svc.cluster.local A 10.244.0.2, db-1.db.default.svc.cluster.local A 10.244.0.3"},
        ZoneCase{"none.default.svc.cluster.local", Type::kA, kNxDomain},
        ZoneCase{"absent.default.svc.cluster.local", Type::kA, kNxDomain},
        ZoneCase{"empty.svc.cluster.local", Type::kA, kNoData}, ZoneCase{"absent.svc.cluster.local", Type::kA, kNxDomain},
        ZoneCase{"out.default.svc.cluster.local", Type::kA,
                 "NOERROR out.default.svc.cluster.local CNAME www.example.com and then www.example.com"},
        ZoneCase{"out.default.svc.cluster.local", Type::kCname,
                 "NOERROR out.default.svc.cluster.local CNAME www.example.com"},
        ZoneCase{"10-244-0-9.default.pod.cluster.local", Type::kA,
                 "NOERROR 10-244-0-9.default.pod.cluster.local A 10.244.0.9"},
        ZoneCase{"fd00--9.default.pod.cluster.local", Type::kAaaa, "NOERROR fd00--9.default.pod.cluster.local AAAA fd00::9"},
        ZoneCase{"10-244-0-9.absent.pod.cluster.local", Type::kA, kNxDomain},
        ZoneCase{"nonsense.default.pod.cluster.local", Type::kA, kNxDomain},
        ZoneCase{"7.0.96.10.in-addr.arpa", Type::kPtr, "NOERROR 7.0.96.10.in-addr.arpa PTR web.default.svc.cluster.local"},
        ZoneCase{"3.0.244.10.in-addr.arpa", Type::kPtr,
                 "NOERROR 3.0.244.10.in-addr.arpa PTR db-1.db.default.svc.cluster.local"},
        ZoneCase{"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", Type::kPtr,
                 "NOERROR 7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa PTR "
                 "web.default.svc.cluster.local"},
        ZoneCase{"8.8.8.8.in-addr.arpa", Type::kPtr, "not here"}, ZoneCase{"www.example.com", Type::kA, "not here"},
        ZoneCase{"notcluster.local", Type::kA, "not here"},
        ZoneCase{"cluster.local", Type::kSoa, "NOERROR cluster.local SOA ns.dns.cluster.local"},
        ZoneCase{"cluster.local", Type::kNs,
                 "NOERROR cluster.local NS ns.dns.cluster.local; additional: ns.dns.cluster.local A 10.96.0.10"},
        ZoneCase{"ns.dns.cluster.local", Type::kA, "NOERROR ns.dns.cluster.local A 10.96.0.10"},
        ZoneCase{"dns-version.cluster.local", Type::kTxt, "NOERROR dns-version.cluster.local TXT 1.1.0"},
        ZoneCase{"svc.cluster.local", Type::kA, kNoData}, ZoneCase{"www.cluster.local", Type::kA, kNxDomain}));

TEST(Zone, RotatesHeadlessAddresses) {
  Zone zone = MakeZone();
  EXPECT_EQ(Ask(zone, "db.default.svc.cluster.local", Type::kA, 1),
            "NOERROR db.default.svc.cluster.local A 10.244.0.3 db.default.svc.cluster.local A 10.244.0.2");
}

TEST(Zone, FollowsChanges) {
  Zone zone = MakeZone();
  zone.SetService("default", "web", {.cluster_ips = {Ip("10.96.0.8")}});
  EXPECT_EQ(Ask(zone, "web.default.svc.cluster.local", Type::kA), "NOERROR web.default.svc.cluster.local A 10.96.0.8");
  EXPECT_EQ(Ask(zone, "7.0.96.10.in-addr.arpa", Type::kPtr), "not here");
  zone.RemoveService("default", "web");
  EXPECT_EQ(Ask(zone, "web.default.svc.cluster.local", Type::kA), kNxDomain);
  EXPECT_EQ(Ask(zone, "8.0.96.10.in-addr.arpa", Type::kPtr), "not here");
}

TEST(Zone, AnswersAddedNamesFirst) {
  Zone zone = MakeZone();
  LocalNames names;
  names.hosts["printer.corp.org"] = {Ip("10.0.0.3"), Ip("fd00::3")};
  names.hosts["web.default.svc.cluster.local"] = {Ip("10.0.0.4")};
  names.aliases["shop.corp.org"] = "web.default.svc.cluster.local";
  zone.SetLocalNames(names);
  EXPECT_EQ(Ask(zone, "Printer.corp.org", Type::kA), "NOERROR printer.corp.org A 10.0.0.3");
  EXPECT_EQ(Ask(zone, "printer.corp.org", Type::kAaaa), "NOERROR printer.corp.org AAAA fd00::3");
  EXPECT_EQ(Ask(zone, "printer.corp.org", Type::kTxt), "NOERROR; authority: cluster.local SOA ns.dns.cluster.local");
  EXPECT_EQ(Ask(zone, "3.0.0.10.in-addr.arpa", Type::kPtr), "NOERROR 3.0.0.10.in-addr.arpa PTR printer.corp.org");
  EXPECT_EQ(Ask(zone, "web.default.svc.cluster.local", Type::kA), "NOERROR web.default.svc.cluster.local A 10.0.0.4");
  EXPECT_EQ(Ask(zone, "shop.corp.org", Type::kA),
            "NOERROR shop.corp.org CNAME web.default.svc.cluster.local and then web.default.svc.cluster.local");
  EXPECT_EQ(Ask(zone, "other.corp.org", Type::kA), "not here");
  zone.SetLocalNames({});
  EXPECT_EQ(Ask(zone, "printer.corp.org", Type::kA), "not here");
}

TEST(Zone, PortsTimesEndpointsAreNotLookedAtForEachQuery) {
  Zone zone({});
  zone.AddNamespace("default");
  std::vector<PortRecord> many;
  for (int i = 0; i < 20'000; ++i) many.push_back({fmt::format("p{}", i), "tcp", 80});
  const SharedPorts ports(std::move(many));
  ServiceRecord record;
  for (int i = 0; i < 1000; ++i) {
    record.endpoints.push_back({fmt::format("e{}", i), Ip(fmt::format("10.0.{}.{}", i / 250, i % 250)), ports});
  }
  zone.SetService("default", "big", std::move(record));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(Ask(zone, "big.default.svc.cluster.local", Type::kSrv).starts_with("NOERROR"));
    EXPECT_TRUE(Ask(zone, "_p19999._tcp.big.default.svc.cluster.local", Type::kSrv).starts_with("NOERROR"));
    EXPECT_EQ(Ask(zone, "_none._tcp.big.default.svc.cluster.local", Type::kSrv), kNxDomain);
  }
}

}  // namespace
}  // namespace sampan::dns
