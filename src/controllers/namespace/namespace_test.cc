#include "controllers/namespace/namespace.h"

#include <gtest/gtest.h>

#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using namespace std::chrono_literals;
using api::core::ConfigMap;
using api::core::Namespace;
using testing::Sim;

constexpr int kObjects = 1200;

struct NamespaceSim : Sim {
  NamespaceSim() {
    api().Put(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"full"},"spec":{"finalizers":["kubernetes"]}})");
    for (int i = 0; i < kObjects; ++i) {
      api().Put(
          fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"m{}","namespace":"full"}}}})", i));
    }
    Start(NewNamespaceController(world(), [] {
      return std::vector<const api::KindInfo*>{&api::KindOf<api::core::Pod>(), &api::KindOf<ConfigMap>()};
    }));
  }
};

TEST(NamespaceController, EmptiesANamespaceOfThousandsOfObjects) {
  NamespaceSim sim;
  sim.Delete<Namespace>("full");
  sim.Advance(10s);
  EXPECT_TRUE(sim.All<ConfigMap>().empty());
  EXPECT_FALSE(sim.Get<Namespace>("full"));
}

TEST(NamespaceController, TellsAFewOfThousandsOfRefusals) {
  NamespaceSim sim;
  sim.api().SetFault([](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (verb == "delete" && ref.kind->kind == "ConfigMap") return Error::Forbidden("{} stays", ref.name);
    return std::nullopt;
  });
  sim.Delete<Namespace>("full");
  sim.Advance(1s);
  size_t longest = 0;
  for (const auto& condition : sim.Get<Namespace>("full")->status.conditions) {
    longest = std::max(longest, condition.message.size());
  }
  EXPECT_GT(longest, 100U);
  EXPECT_LT(longest, 1000U) << "a condition of megabytes would be refused, and the namespace would never go";
}

// The answer to the last step is lost, and so are the watches: what the controller knows is the namespace that has ended.
TEST(NamespaceController, LeavesTheNamespaceOfTheSameNameAlone) {
  NamespaceSim sim;
  bool cut = false;
  int asked = 0;
  sim.api().SetFault([&](std::string_view verb, const client::Ref& ref) -> std::optional<Error> {
    if (ref.kind->kind != "Namespace") return std::nullopt;
    if (cut && verb == "get") ++asked;
    if (cut && (verb == "list" || verb == "watch")) return Error::ServiceUnavailable("no way to the server");
    if (cut || ref.subresource != "finalize") return std::nullopt;
    cut = true;
    sim.api().DropWatches();
    sim.api().Remove(client::RefOf<Namespace>("", "full"));
    sim.api().Put(
        R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"full"},"spec":{"finalizers":["kubernetes"]}})");
    sim.api().Put(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new","namespace":"full"}})");
    return Error::ServiceUnavailable("the connection is gone");
  });
  sim.Delete<Namespace>("full");
  sim.Advance(30s);
  EXPECT_GT(asked, 0) << "the controller did not come back to it";
  EXPECT_TRUE(sim.Get<ConfigMap>("new", "full"));
  EXPECT_TRUE(sim.Get<Namespace>("full"));
}

}  // namespace
}  // namespace sampan::controllers
