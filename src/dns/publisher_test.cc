#include "dns/publisher.h"

#include <gtest/gtest.h>

#include "api/types/core.h"
#include "api/types/discovery.h"
#include "client/testing.h"
#include "client/typed.h"
#include "dns/config.h"

namespace sampan::dns {
namespace {

using api::core::ConfigMap;
using api::core::Service;
using api::discovery::EndpointSlice;

class PublisherTest : public client::ComponentTest {
 protected:
  void SetUp() override {
    // As an API server does, which gives an address once.
    api_.SetFault([this](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
      bool taken = verb == "create" && ref.kind == &api::KindOf<Service>() &&
                   api_.Peek(client::RefOf<Service>("kube-system", "kube-dns")) != nullptr;
      if (!taken) return std::nullopt;
      return Error::BadRequest("provided IP is already allocated");
    });
  }
  void Publish() { SyncWait(*pool_, publisher_.Run({})); }
  std::string Corefile() {
    client::ObjectPtr config = api_.Peek(client::RefOf<ConfigMap>("kube-system", "coredns"));
    const std::string* text = config == nullptr ? nullptr : api::FindIn(config->As<ConfigMap>().data, "Corefile");
    return text == nullptr ? "" : *text;
  }

  Publisher publisher_{api_, *clock_, {.node_name = "n1", .node_address = "192.0.2.9", .cluster_ips = {"10.96.0.10"}}};
};

TEST_F(PublisherTest, MakesServiceSliceAndConfiguration) {
  Publish();
  EXPECT_EQ(api_.Peek(client::RefOf<Service>("kube-system", "kube-dns"))->As<Service>().spec.cluster_ip, "10.96.0.10");
  client::ObjectPtr slice = api_.Peek(client::RefOf<EndpointSlice>("kube-system", "kube-dns-n1"));
  EXPECT_EQ(slice->As<EndpointSlice>().endpoints.at(0).addresses.at(0), "192.0.2.9");
  EXPECT_EQ(slice->As<EndpointSlice>().ports.size(), 2U);
  EXPECT_EQ(Corefile(), DefaultCorefile("cluster.local"));
}

TEST_F(PublisherTest, FindsItsServiceAndPublishesTheRest) {
  api_.Put(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"kube-dns","namespace":"kube-system"},
    "spec":{"clusterIP":"10.96.0.10"}})");
  Publish();
  EXPECT_NE(Corefile(), "");
  EXPECT_NE(api_.Peek(client::RefOf<EndpointSlice>("kube-system", "kube-dns-n1")), nullptr);
}

TEST_F(PublisherTest, LeavesWhatUsersConfigured) {
  api_.Put(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"coredns","namespace":"kube-system"},
    "data":{"Corefile":"mine"}})");
  Publish();
  EXPECT_EQ(Corefile(), "mine");
}

}  // namespace
}  // namespace sampan::dns
