#include "dns/config.h"

#include <gtest/gtest.h>

namespace sampan::dns {
namespace {

// "org -> 10.0.0.1; x.org = 10.0.0.3; a => b; remark"
std::string Show(const NamesConfig& config) {
  std::vector<std::string> parts;
  for (const auto& [zone, upstreams] : config.forwards) {
    parts.push_back(fmt::format("{} -> {}", zone.empty() ? "." : zone, fmt::join(upstreams, " ")));
  }
  for (const auto& [name, addresses] : config.local.hosts) {
    std::string text = name + " =";
    for (const IpAddress& address : addresses) text += " " + address.ToString();
    parts.push_back(std::move(text));
  }
  for (const auto& [name, target] : config.local.aliases) parts.push_back(fmt::format("{} => {}", name, target));
  for (const std::string& remark : config.remarks) parts.push_back(remark);
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string Read(const ConfigData& coredns, const ConfigData& custom = {}, const ConfigData& kube_dns = {}) {
  Result<NamesConfig> config = ParseConfig(coredns, custom, kube_dns);
  return config ? Show(*config) : "error: " + config.error().message();
}

struct Case {
  const char* name;
  const char* corefile;
  const char* expected;
};

class NamesConfigOf : public ::testing::TestWithParam<Case> {};

TEST_P(NamesConfigOf, ACorefile) {
  EXPECT_EQ(Read({{"Corefile", GetParam().corefile}}), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Corefiles, NamesConfigOf,
    ::testing::Values(
        Case{"UsualOne",
             ".:53 {\n errors\n health {\n  lameduck 5s\n }\n ready\n kubernetes cluster.local in-addr.arpa {\n  pods "
             "insecure\n"
             " }\n prometheus :9153\n forward . /etc/resolv.conf {\n  max_concurrent 1000\n }\n cache 30\n loop\n reload\n"
             " loadbalance\n}\n",
             ""},
        Case{"OtherResolvers", ".:53 {\n forward . 8.8.8.8 dns://[fd00::1]:5353\n}", ". -> 8.8.8.8 [fd00::1]:5353"},
        Case{"ElderName", ".:53 {\n proxy . 8.8.8.8\n}", ". -> 8.8.8.8"},
        Case{"StubDomain", "Consul.local.:53, other.org {\n errors\n forward . 10.150.0.1:8600\n}",
             "consul.local -> 10.150.0.1:8600; other.org -> 10.150.0.1:8600"},
        Case{"ForwardOfASmallerZone", ".:53 {\n forward corp.org 10.0.0.1\n forward . 8.8.8.8\n}",
             ". -> 8.8.8.8; corp.org -> 10.0.0.1"},
        Case{"ForwardOutsideTheBlock", "a.org {\n forward b.org 10.0.0.1\n}", ""},
        Case{"TheHostsResolversWithinAZone", "a.org {\n forward . /etc/resolv.conf\n}", "a.org -> "},
        Case{"Hosts",
             ".:53 {\n hosts {\n  10.0.0.3 Printer.corp.org printer\n  fd00::3 printer\n  ttl 60\n  fallthrough\n }\n}",
             "printer = 10.0.0.3 fd00::3; printer.corp.org = 10.0.0.3"},
        Case{"HostsOfAZone", "corp.org {\n hosts {\n  10.0.0.3 x.corp.org x.other.org\n }\n}", "x.corp.org = 10.0.0.3"},
        Case{"Aliases",
             ".:53 {\n rewrite name a.org b.default.svc.cluster.local\n rewrite stop name exact c.org d.org\n"
             " rewrite name suffix .x .y\n}",
             "a.org => b.default.svc.cluster.local; c.org => d.org; the rewriting name suffix .x .y is not supported"},
        Case{"Unknown", ".:53 {\n etcd corp.org\n}", "the directive etcd is not supported"},
        Case{"NotPlain", "tls://a.org {\n forward . 10.0.0.1\n}\nb.org {\n forward . tls://9.9.9.9\n}",
             "tls://a.org is not served: plain DNS only; "
             "tls://9.9.9.9 is not asked: it is no address of a plain resolver"},
        Case{"Malformed", ".:53 {\n forward . 10.0.0.1\n", "error: the last block is not closed"}),
    [](const auto& info) { return info.param.name; });

TEST(NamesConfig, CustomBlocksAreAdded) {
  ConfigData custom = {{"corp.server", "corp.org:53 {\n forward . 10.0.0.1\n}"},
                       {"hosts.override", "hosts {\n 10.0.0.3 x\n}"},
                       {"notes", "anything {"}};
  EXPECT_EQ(Read({{"Corefile", ".:53 {\n forward . 8.8.8.8\n}"}}, custom),
            ". -> 8.8.8.8; corp.org -> 10.0.0.1; x = 10.0.0.3");
}

TEST(NamesConfig, FilesAreKeysOfTheConfigMap) {
  EXPECT_EQ(Read({{"Corefile", ".:53 {\n hosts /etc/coredns/NodeHosts {\n  fallthrough\n }\n}"},
                  {"NodeHosts", "10.0.0.1 node-a\n10.0.0.2 node-b # the other\n"}}),
            "node-a = 10.0.0.1; node-b = 10.0.0.2");
}

TEST(NamesConfig, KubeDnsIsUnderstood) {
  ConfigData kube_dns = {{"stubDomains", R"({"acme.local": ["1.2.3.4", "1.2.3.5:54"], "bad": ["name"]})"},
                         {"upstreamNameservers", R"(["8.8.8.8"])"}};
  EXPECT_EQ(Read({}, {}, kube_dns),
            ". -> 8.8.8.8; acme.local -> 1.2.3.4 1.2.3.5:54; name is not asked: it is no address of a plain resolver");
  EXPECT_EQ(Read({{"Corefile", ".:53 {\n forward . 9.9.9.9\n}"}}, {}, {{"upstreamNameservers", R"(["8.8.8.8"])"}}),
            ". -> 9.9.9.9");
  for (const char* text : {"[", "[\"a\"]", "{\"a\": 1}", "{\"a\": [1]}"}) {
    EXPECT_TRUE(Read({}, {}, {{"stubDomains", text}}).starts_with("error")) << text;
  }
}

TEST(NamesConfig, TheDefaultSaysNothingNew) {
  EXPECT_EQ(Read({{"Corefile", DefaultCorefile("cluster.local")}}), "");
}

}  // namespace
}  // namespace sampan::dns
