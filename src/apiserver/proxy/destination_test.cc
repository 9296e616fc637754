#include "apiserver/proxy/destination.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

using Scheme = ProxyName::Scheme;

api::ObjectPtr Read(std::string text) {
  return *api::Object::FromBytes(std::move(text));
}

ServerPlace Server() {
  return {{*api::IpAddress::Parse("10.9.9.9"), *api::IpAddress::Parse("fd00::9")}, "10.9.9.8", 6443};
}

std::string Show(const Result<Destination>& destination) {
  if (!destination) return destination.error().message();
  return fmt::format("{}|{}", destination->host(), destination->port);
}

TEST(ProxyName, Parses) {
  struct Case {
    std::string_view text, expected;
  };
  for (const Case& c : {Case{"a", "http a "},
                        {"a:80", "http a 80"},
                        {"a:", "http a "},
                        {"a:web", "http a web"},
                        {"http:a:80", "http a 80"},
                        {"https:a:", "https a "},
                        {"https:a:web", "https a web"},
                        {":a:80", "http a 80"},
                        {":a:", "http a "},
                        {"", "invalid pod request \"\""},
                        {":", "invalid pod request \":\""},
                        {":80", "invalid pod request \":80\""},
                        {"https::80", "invalid pod request \"https::80\""},
                        {"HTTPS:a:80", "invalid pod request \"HTTPS:a:80\""},
                        {"ftp:a:80", "invalid pod request \"ftp:a:80\""},
                        {"https:a:80:1", "invalid pod request \"https:a:80:1\""},
                        {"a:b:c:d:e", "invalid pod request \"a:b:c:d:e\""}}) {
    Result<ProxyName> name = ProxyName::Parse("pod", c.text);
    std::string shown =
        name ? fmt::format("{} {} {}", name->scheme == Scheme::kHttps ? "https" : "http", name->name, name->port)
             : name.error().message();
    EXPECT_EQ(shown, c.expected) << c.text;
  }
}

// Every spelling of an address that is not another machine's, or no address at all.
constexpr std::string_view kNotAllowed[] = {
    "127.0.0.1",       "127.1.2.3",       "::1",      "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1",
    "0.0.0.0",         "0.1.2.3",         "::",       "::127.0.0.1",     "169.254.169.254",  "::ffff:169.254.169.254",
    "fe80::1",         "fe80::1%eth0",    "ff02::1",  "224.0.0.1",       "239.1.1.1",        "255.255.255.255",
    "localhost",       "ip6-localhost",   "a.b",      "2130706433",      "0x7f.1",           "127.1",
    "0177.0.0.1",      "127.000.000.001", "[::1]",    " 127.0.0.1",      "127.0.0.1 ",       "127.0.0.1:80",
    "::ffff:10.9.9.9", "10.9.9.9",        "10.9.9.8", "fd00::9",         "FD00:0::9",
};

api::ObjectPtr Pod(std::string_view address, std::string_view spec = "{}") {
  return Read(fmt::format(
      R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"p","namespace":"n"}},"spec":{},"status":{{"podIP":"{}"}}}})",
      spec, address));
}

TEST(PodDestination, IsAnotherMachine) {
  for (std::string_view address : kNotAllowed) {
    EXPECT_EQ(Show(PodDestination(*Pod(address), {.name = "p"}, Server())), "address not allowed") << address;
  }
  EXPECT_EQ(Show(PodDestination(*Pod("10.244.0.5"), {.name = "p"}, Server())), "10.244.0.5|80");
  EXPECT_EQ(Show(PodDestination(*Pod("::FFFF:10.244.0.5"), {.name = "p"}, Server())), "10.244.0.5|80");
  EXPECT_EQ(Show(PodDestination(*Pod("FD01:0::5"), {.scheme = Scheme::kHttps, .name = "p"}, Server())), "fd01::5|443");
  EXPECT_EQ(Show(PodDestination(*Pod(""), {.name = "p"}, Server())), "pod p has no address yet");
}

TEST(PodDestination, OfTheHostNetworkIsItsMachine) {
  constexpr std::string_view kHost = R"({"hostNetwork":true,"nodeName":"vm"})";
  EXPECT_EQ(Show(PodDestination(*Pod("10.9.9.9", kHost), {.name = "p"}, Server())), "10.9.9.9|80");
  EXPECT_EQ(Show(PodDestination(*Pod("127.0.0.1", kHost), {.name = "p"}, Server())), "address not allowed");
  EXPECT_EQ(Show(PodDestination(*Pod("10.9.9.9", R"({"hostNetwork":true})"), {.name = "p"}, Server())),
            "address not allowed")
      << "it runs nowhere yet";
}

TEST(PodDestination, PortsAreNumbersOfPorts) {
  constexpr std::string_view kTwo = R"({"containers":[{"name":"a"},{"name":"b","ports":[{"containerPort":8080}]}]})";
  EXPECT_EQ(Show(PodDestination(*Pod("10.0.0.1", kTwo), {.name = "p"}, Server())), "10.0.0.1|8080");
  EXPECT_EQ(Show(PodDestination(*Pod("10.0.0.1", kTwo), {.name = "p", .port = "65535"}, Server())), "10.0.0.1|65535");
  for (std::string_view port :
       {"0", "65536", "94026", "-1", "+80", " 80", "80 ", "0x50", "80a", "web", "99999999999999999999"}) {
    EXPECT_EQ(Show(PodDestination(*Pod("10.0.0.1", kTwo), {.name = "p", .port = std::string(port)}, Server())),
              fmt::format("invalid pod request \"p:{}\"", port));
  }
}

class ServiceDestinations : public testing::Test {
 protected:
  std::string To(std::string_view endpoints, std::string_view type = "IPv4", std::string port = "") {
    api::ObjectPtr service = Read(R"({"kind":"Service","apiVersion":"v1","metadata":{"name":"s","namespace":"n"},)"
                                  R"("spec":{"ports":[{"name":"web","port":80},{"name":"90","port":81}]}})");
    store::SortedObjects slices;
    slices.Put(Read(fmt::format(
        R"({{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{{"name":"s-1","namespace":"n","labels":)"
        R"({{"kubernetes.io/service-name":"s"}}}},"addressType":"{}","ports":[{{"name":"web","port":8080}},)"
        R"({{"name":"90","port":8081}}],"endpoints":{}}})",
        type, endpoints)));
    ServiceEndpoints of{*service, slices.Snapshot(), [this](std::string_view) { return pod_; }};
    return Show(ServiceDestination(of, {.name = "s", .port = std::move(port)}, Server()));
  }
  api::ObjectPtr pod_;
};

TEST_F(ServiceDestinations, AreOtherMachines) {
  for (std::string_view address : kNotAllowed) {
    for (std::string_view type : {"IPv4", "IPv6", "FQDN"}) {
      EXPECT_EQ(To(fmt::format(R"([{{"addresses":["{}"]}}])", address), type), "address not allowed") << address << type;
    }
  }
  EXPECT_EQ(To(R"([{"addresses":["10.0.0.1"]}])"), "10.0.0.1|8080");
  EXPECT_EQ(To(R"([{"addresses":["127.0.0.1"]},{"addresses":["10.0.0.1"]}])"), "10.0.0.1|8080");
  EXPECT_EQ(To(R"([{"addresses":["10.0.0.1"],"conditions":{"ready":false}},{"addresses":["10.0.0.2"]}])"), "10.0.0.2|8080");
  EXPECT_EQ(To("[]"), "no endpoints available for service \"s\"");
}

TEST_F(ServiceDestinations, OfThisMachineAreItsPods) {
  constexpr std::string_view kTarget = R"([{"addresses":["10.9.9.9"],"targetRef":{"kind":"Pod","name":"p"}}])";
  EXPECT_EQ(To(kTarget), "address not allowed") << "there is no such pod";
  pod_ = Pod("10.9.9.9");
  EXPECT_EQ(To(kTarget), "address not allowed") << "its network is its own";
  pod_ = Pod("10.9.9.9", R"({"hostNetwork":true,"nodeName":"vm"})");
  EXPECT_EQ(To(kTarget), "10.9.9.9|8080");
  pod_ = Pod("10.0.0.1", R"({"hostNetwork":true,"nodeName":"vm"})");
  EXPECT_EQ(To(kTarget), "address not allowed") << "it runs elsewhere";
}

TEST_F(ServiceDestinations, PortsAreTheServices) {
  constexpr std::string_view kOne = R"([{"addresses":["10.0.0.1"]}])";
  EXPECT_EQ(To(kOne, "IPv4", "80"), "10.0.0.1|8080");
  EXPECT_EQ(To(kOne, "IPv4", "web"), "10.0.0.1|8080");
  EXPECT_EQ(To(kOne, "IPv4", "81"), "10.0.0.1|8081");
  EXPECT_EQ(To(kOne, "IPv4", "90"), "no service port \"90\" found for service \"s\"") << "a number is no name";
  EXPECT_EQ(To(kOne, "IPv4", "8080"), "no service port \"8080\" found for service \"s\"");
}

api::ObjectPtr Node(std::string_view addresses, std::string_view port = "0") {
  return Read(fmt::format(R"({{"kind":"Node","apiVersion":"v1","metadata":{{"name":"vm"}},"status":{{"addresses":[{}],)"
                          R"("daemonEndpoints":{{"kubeletEndpoint":{{"Port":{}}}}}}}}})",
                          addresses, port));
}

std::string Internal(std::string_view address) {
  return fmt::format(R"({{"type":"InternalIP","address":"{}"}})", address);
}

TEST(KubeletOf, IsWhereAKubeletCanBe) {
  constexpr std::string_view kNone = "no preferred addresses found for node \"vm\"";
  struct Case {
    std::string addresses;
    std::string_view port, expected;
  };
  const Case cases[] = {
      {Internal("10.0.0.1"), "10251", "10.0.0.1|10251"},
      {Internal("10.0.0.1"), "0", "10.0.0.1|10250"},
      {R"({"type":"Hostname","address":"h"},{"type":"ExternalIP","address":"192.0.2.1"})", "0", "192.0.2.1|10250"},
      {R"({"type":"ExternalIP","address":"192.0.2.1"},)" + Internal("10.0.0.1"), "0", "10.0.0.1|10250"},
      {Internal("10.9.9.9"), "10250", "10.9.9.9|10250"},
      {Internal("10.9.9.9"), "6443", "address not allowed"},
      {Internal("10.9.9.8"), "6443", "address not allowed"},
      {Internal("10.0.0.1"), "6443", "10.0.0.1|6443"},
      {Internal("10.0.0.1"), "65536", "address not allowed"},
      {Internal("10.0.0.1"), "-1", "address not allowed"},
      {Internal("127.0.0.1"), "10250", "address not allowed"},
      {Internal("::ffff:127.0.0.1"), "6443", "address not allowed"},
      {Internal("169.254.169.254"), "80", "address not allowed"},
      {Internal("0.0.0.0"), "10250", "address not allowed"},
      {Internal("localhost"), "10250", kNone},
      {R"({"type":"Hostname","address":"localhost"})", "10250", kNone},
      {"", "10250", kNone},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Show(KubeletOf(*Node(c.addresses, c.port), Server())), c.expected) << c.addresses << c.port;
  }
  EXPECT_EQ(Show(KubeletOf(*Node(Internal("127.0.0.1")), {{}, "127.0.0.1", 6443})), "127.0.0.1|10250")
      << "a cluster that knows no other address";
}

TEST(NodeDestination, AnyPortOfTheNode) {
  EXPECT_EQ(Show(NodeDestination(*Node(Internal("10.0.0.1")), {.name = "vm", .port = "9100"})), "10.0.0.1|9100");
  EXPECT_EQ(Show(NodeDestination(*Node(Internal("127.0.0.1")), {.name = "vm", .port = "9100"})), "address not allowed");
  EXPECT_EQ(Show(NodeDestination(*Node(Internal("10.0.0.1")), {.name = "vm", .port = "x"})),
            "invalid node request \"vm:x\"");
}

TEST(OwnAddresses, HoldTheLoopback) {
  std::vector<api::IpAddress> own = OwnAddresses();
  EXPECT_NE(std::ranges::find(own, *api::IpAddress::Parse("127.0.0.1")), own.end());
}

}  // namespace
}  // namespace sampan::apiserver
