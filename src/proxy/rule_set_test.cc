#include "proxy/rule_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sampan::proxy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const RulesConfig kConfig{.cluster_cidr = "10.244.0.0/16", .pod_cidr = "10.244.0.0/24"};

ServicePort MakePort(std::vector<Backend> backends = {{"10.244.0.2", 8080}, {"10.244.1.3", 8080}}) {
  ServicePort port;
  port.name = "ns/web/tcp/http";
  port.protocol = "tcp";
  port.cluster_ip = "10.96.0.7";
  port.port = 80;
  for (const Backend& backend : backends) {
    if (backend.address.starts_with("10.244.0.")) port.local_backends.push_back(backend);
  }
  port.backends = std::move(backends);
  return port;
}

std::string At(const ServiceRules& rules, std::string set, std::string key) {
  auto found = rules.elements.find({std::move(set), std::move(key)});
  return found == rules.elements.end() ? "absent" : found->second;
}

ServiceRules Plan(const ServicePort& port, const RulesConfig& config = kConfig) {
  return PlanService(std::vector{port}, config);
}

TEST(Rules, APlainServiceIsElementsOnly) {
  ServicePort port = MakePort();
  port.node_port = 30080;
  port.external_ips = {"1.2.3.4"};
  ServiceRules rules = Plan(port);
  EXPECT_TRUE(rules.chains.empty());
  EXPECT_EQ(At(rules, "service-ips", "10.96.0.7 . tcp . 80"), "goto lb/tcp/2");
  EXPECT_EQ(At(rules, "endpoints-tcp", "10.96.0.7 . 80 . 0"), "10.244.0.2 . 8080");
  EXPECT_EQ(At(rules, "endpoints-tcp", "10.96.0.7 . 80 . 1"), "10.244.1.3 . 8080");
  EXPECT_EQ(At(rules, "external-ips", "1.2.3.4 . tcp . 80"), "goto xlb/tcp/2");
  EXPECT_EQ(At(rules, "nodeports", "tcp . 30080"), "goto np/tcp/2");
  EXPECT_EQ(At(rules, "nodeport-endpoints-tcp", "30080 . 1"), "10.244.1.3 . 8080");
  EXPECT_EQ(At(rules, "hairpin", "10.244.0.2 . 10.244.0.2"), "");
  EXPECT_EQ(At(rules, "hairpin", "10.244.1.3 . 10.244.1.3"), "absent");
  EXPECT_EQ(At(rules, "cluster-ips", "10.96.0.7"), "");
}

TEST(Rules, NoBackendsRejects) {
  ServicePort port = MakePort({});
  port.node_port = 30080;
  ServiceRules rules = Plan(port);
  EXPECT_EQ(At(rules, "no-endpoints", "10.96.0.7 . tcp . 80"), "goto reject-packet");
  EXPECT_EQ(At(rules, "no-endpoint-nodeports", "tcp . 30080"), "goto reject-packet");
  EXPECT_EQ(At(rules, "service-ips", "10.96.0.7 . tcp . 80"), "absent");
}

TEST(Rules, AffinityHasASetForEachBackend) {
  ServicePort port = MakePort();
  port.affinity_seconds = 60;
  ServiceRules rules = Plan(port);
  EXPECT_EQ(At(rules, "service-ips", "10.96.0.7 . tcp . 80"), "goto svc/ns/web/tcp/http");
  EXPECT_THAT(rules.sets.at("aff/60/ns/web/tcp/http/10.244.0.2/8080"), HasSubstr("timeout 60s"));
  EXPECT_EQ(rules.chains.at("svc/ns/web/tcp/http").size(), 3U);
  EXPECT_EQ(rules.chains.at("ep/ns/web/tcp/http/10.244.0.2/8080"),
            (std::vector<std::string>{"update @aff/60/ns/web/tcp/http/10.244.0.2/8080 { ip saddr }",
                                      "meta l4proto tcp dnat to 10.244.0.2:8080"}));
}

TEST(Rules, InternalPolicyLocal) {
  ServicePort port = MakePort();
  port.internal_policy = TrafficPolicy::kLocal;
  EXPECT_EQ(Plan(port).chains.at("local/ns/web/tcp/http"),
            std::vector<std::string>{"goto ep/ns/web/tcp/http/10.244.0.2/8080"});
  port.local_backends.clear();
  EXPECT_EQ(At(Plan(port), "no-endpoints", "10.96.0.7 . tcp . 80"), "goto drop-packet");
}

TEST(Rules, ExternalPolicyLocalKeepsTheSourceButLetsInsidersReachAll) {
  ServicePort port = MakePort();
  port.external_policy = TrafficPolicy::kLocal;
  port.node_port = 30080;
  ServiceRules rules = Plan(port);
  EXPECT_EQ(At(rules, "nodeports", "tcp . 30080"), "goto ext/ns/web/tcp/http");
  EXPECT_EQ(At(rules, "service-ips", "10.96.0.7 . tcp . 80"), "goto lb/tcp/2");
  EXPECT_EQ(rules.chains.at("ext/ns/web/tcp/http"),
            (std::vector<std::string>{"ip saddr 10.244.0.0/16 goto svc/ns/web/tcp/http",
                                      "fib saddr type local jump mark-for-masquerade",
                                      "fib saddr type local goto svc/ns/web/tcp/http", "goto local/ns/web/tcp/http"}));
  port.local_backends.clear();
  EXPECT_EQ(Plan(port).chains.at("ext/ns/web/tcp/http").back(), "drop");
}

TEST(Rules, SourceRangesGuardTheLoadBalancerOnly) {
  ServicePort port = MakePort();
  port.load_balancer_ips = {"5.6.7.8"};
  port.external_ips = {"1.2.3.4"};
  port.source_ranges = {"192.168.0.0/16", "172.16.0.0/12"};
  ServiceRules rules = Plan(port);
  EXPECT_EQ(At(rules, "external-ips", "5.6.7.8 . tcp . 80"), "goto fw/ns/web/tcp/http");
  EXPECT_EQ(At(rules, "external-ips", "1.2.3.4 . tcp . 80"), "goto xlb/tcp/2");
  EXPECT_EQ(rules.chains.at("fw/ns/web/tcp/http")[0], "ip saddr != { 192.168.0.0/16, 172.16.0.0/12 } drop");
}

TEST(Rules, LocallyServedClusterIpsAreLeftAlone) {
  RulesConfig config = kConfig;
  config.local_cluster_ips = {"10.96.0.7"};
  EXPECT_TRUE(Plan(MakePort(), config).empty());
}

TEST(RuleSet, AChangeTouchesOnlyItsOwnElements) {
  RuleSet set(kConfig);
  ServicePort other = MakePort();
  other.name = "ns/other/tcp/http";
  other.cluster_ip = "10.96.0.8";
  Commands first = set.Update({{"ns/web", Plan(MakePort())}, {"ns/other", Plan(other)}});
  EXPECT_THAT(first.change, HasSubstr("add chain ip sampan-proxy lb/tcp/2"));
  EXPECT_EQ(first.sweep, "");

  Commands change = set.Update({{"ns/web", Plan(MakePort({{"10.244.0.2", 8080}, {"10.244.1.4", 8080}}))}});
  EXPECT_EQ(change.change,
            "delete element ip sampan-proxy endpoints-tcp { 10.96.0.7 . 80 . 1 }\n"
            "add element ip sampan-proxy endpoints-tcp { 10.96.0.7 . 80 . 1 : 10.244.1.4 . 8080 }\n");
  EXPECT_EQ(set.Update({{"ns/web", Plan(MakePort({{"10.244.0.2", 8080}, {"10.244.1.4", 8080}}))}}).change, "");
}

TEST(RuleSet, SharedElementsStayWhileSomeoneClaimsThem) {
  RuleSet set(kConfig);
  ServicePort other = MakePort();
  other.name = "ns/another/tcp/http";
  other.cluster_ip = "10.96.0.8";
  other.external_ips = {"1.2.3.4"};
  ServicePort web = MakePort();
  web.external_ips = {"1.2.3.4"};
  web.external_policy = TrafficPolicy::kLocal;
  set.Update({{"ns/web", Plan(web)}, {"ns/another", Plan(other)}});
  EXPECT_THAT(set.Render(), AllOf(HasSubstr("1.2.3.4 . tcp . 80 : goto xlb/tcp/2"), HasSubstr("10.244.0.2 . 10.244.0.2")));
  Commands gone = set.Update({{"ns/another", {}}});
  EXPECT_THAT(gone.change, AllOf(HasSubstr("delete element ip sampan-proxy external-ips { 1.2.3.4 . tcp . 80 }"),
                                 HasSubstr("delete element ip sampan-proxy service-ips { 10.96.0.8"),
                                 HasSubstr("1.2.3.4 . tcp . 80 : goto ext/ns/web/tcp/http"), Not(HasSubstr("hairpin"))));
  EXPECT_THAT(set.Update({{"ns/web", {}}}).change, HasSubstr("delete element ip sampan-proxy hairpin"));
  EXPECT_EQ(set.services(), 0U);
}

TEST(RuleSet, ExternalAddressesTakeNothingFromClusterIps) {
  RuleSet set(kConfig);
  ServicePort web = MakePort();
  ServicePort thief = MakePort({{"10.244.0.66", 66}});
  thief.name = "a/thief/tcp/http";
  thief.cluster_ip = "10.96.0.9";
  thief.external_ips = {"10.96.0.7"};
  thief.load_balancer_ips = {"10.96.0.7"};
  ServicePort nobody = MakePort({});
  nobody.name = "a/nobody/tcp/http";
  nobody.cluster_ip = "10.96.0.10";
  nobody.external_ips = {"10.96.0.7"};
  set.Update({{"ns/web", Plan(web)}});
  std::string change = set.Update({{"a/thief", Plan(thief)}, {"a/nobody", Plan(nobody)}}).change;
  EXPECT_THAT(change, AllOf(Not(HasSubstr("delete element")), Not(HasSubstr(" endpoints-tcp { 10.96.0.7")),
                            Not(HasSubstr(" service-ips { 10.96.0.7")), Not(HasSubstr(" no-endpoints { 10.96.0.7"))));
}

TEST(RuleSet, ChainsAreSweptAfterTheChange) {
  RuleSet set(kConfig);
  ServicePort port = MakePort({{"10.244.0.2", 8080}});
  port.affinity_seconds = 60;
  set.Update({{"ns/web", Plan(port)}});
  port.affinity_seconds = 0;
  Commands change = set.Update({{"ns/web", Plan(port)}});
  EXPECT_THAT(change.change, AllOf(HasSubstr("flush chain ip sampan-proxy svc/ns/web/tcp/http\n"),
                                   HasSubstr("goto lb/tcp/1"), Not(HasSubstr("delete chain"))));
  EXPECT_THAT(change.sweep, AllOf(HasSubstr("delete chain ip sampan-proxy svc/ns/web/tcp/http\n"),
                                  HasSubstr("delete set ip sampan-proxy aff/60/ns/web/tcp/http/10.244.0.2/8080\n")));
}

}  // namespace
}  // namespace sampan::proxy
