#include "controllers/endpointslicemirroring/endpointslicemirroring.h"

#include <gtest/gtest.h>

#include "controllers/endpointslicemirroring/plan.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using api::core::Endpoints;
using api::core::Service;
using api::discovery::EndpointSlice;
using testing::Sim;

constexpr char kService[] = R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"db","namespace":"default"},
    "spec":{"ports":[{"port":5432}]}})";

std::string EndpointsJson(std::string_view subsets, std::string_view metadata = "") {
  return fmt::format(R"({{"apiVersion":"v1","kind":"Endpoints","metadata":{{"name":"db","namespace":"default"{}}},
      "subsets":{}}})",
                     metadata, subsets);
}

std::vector<client::TypedPtr<EndpointSlice>> Slices(const Sim& sim) {
  return sim.All<EndpointSlice>();
}

// "10.0.0.1 ready :5432 tcp" a line, sorted.
std::vector<std::string> Lines(const Sim& sim) {
  std::vector<std::string> lines;
  for (const auto& slice : Slices(sim)) {
    for (const auto& endpoint : slice->endpoints) {
      std::string line = slice->address_type + " " + endpoint.addresses.at(0);
      line += endpoint.conditions.OrEmpty().ready.value_or(false) ? " ready" : " waiting";
      for (const auto& port : slice->ports) line += fmt::format(" {}:{}", port.name, port.port.value_or(0));
      lines.push_back(std::move(line));
    }
  }
  std::ranges::sort(lines);
  return lines;
}
using List = std::vector<std::string>;

TEST(EndpointSliceMirroring, FollowsHandWrittenEndpoints) {
  Sim sim;
  sim.Start(NewEndpointSliceMirroringController(sim.world()));
  sim.api().Put(kService);
  sim.api().Put(EndpointsJson(
      R"([{"addresses":[{"ip":"10.0.0.2","nodeName":"n"},{"ip":"fd00::1"}],"notReadyAddresses":[{"ip":"10.0.0.1"}],
           "ports":[{"name":"sql","port":5432}]}])",
      R"(,"labels":{"team":"x"},"annotations":{"note":"y","kubectl.kubernetes.io/last-applied-configuration":"{}"})"));
  sim.Settle();
  EXPECT_EQ(Lines(sim),
            (List{"IPv4 10.0.0.1 waiting sql:5432", "IPv4 10.0.0.2 ready sql:5432", "IPv6 fd00::1 ready sql:5432"}));
  ASSERT_EQ(Slices(sim).size(), 2u);
  const EndpointSlice& slice = *Slices(sim)[0];
  EXPECT_EQ(slice.metadata.labels.Get("team"), "x");
  EXPECT_EQ(slice.metadata.labels.Get("kubernetes.io/service-name"), "db");
  EXPECT_EQ(slice.metadata.labels.Get("endpointslice.kubernetes.io/managed-by"), "endpointslicemirroring-controller.k8s.io");
  EXPECT_EQ(slice.metadata.annotations.size(), 1u);
  EXPECT_EQ(slice.metadata.owner_references.at(0).kind, "Endpoints");
  EXPECT_EQ(slice.metadata.owner_references.at(0).uid, sim.Get<Endpoints>("db").uid());

  std::string name = Slices(sim)[0].name();
  sim.api().Put(EndpointsJson(R"([{"addresses":[{"ip":"10.0.0.9"}],"ports":[{"name":"sql","port":5433}]}])"));
  sim.Settle();
  EXPECT_EQ(Lines(sim), (List{"IPv4 10.0.0.9 ready sql:5433"}));

  sim.Delete<Endpoints>("db");
  EXPECT_TRUE(Slices(sim).empty());
}

TEST(EndpointSliceMirroring, RepairsItsSlicesAndWritesNothingTwice) {
  Sim sim;
  sim.Start(NewEndpointSliceMirroringController(sim.world()));
  sim.api().Put(EndpointsJson(R"([{"addresses":[{"ip":"10.0.0.1"}],"ports":[{"port":1}]}])"));
  sim.Settle();
  EXPECT_TRUE(Slices(sim).empty()) << "no service";
  sim.api().Put(kService);
  sim.Settle();
  ASSERT_EQ(Slices(sim).size(), 1u);
  int64_t before = sim.api().writes();
  sim.Advance(std::chrono::hours(1));
  EXPECT_EQ(sim.api().writes(), before);
  sim.Patch<EndpointSlice>(Slices(sim)[0].name(), R"({"endpoints":[]})");
  EXPECT_EQ(Lines(sim), (List{"IPv4 10.0.0.1 ready :1"}));
  sim.Delete<EndpointSlice>(Slices(sim)[0].name());
  EXPECT_EQ(Lines(sim), (List{"IPv4 10.0.0.1 ready :1"}));
}

TEST(EndpointSliceMirroringPlan, WhatIsMirrored) {
  struct Row {
    const char* what;
    const char* metadata;
    const char* selector;
    bool mirrored;
  };
  const Row rows[] = {
      {"hand-written", "", "", true},
      {"of a service with a selector", "", R"(,"selector":{"app":"x"})", false},
      {"marked", R"(,"labels":{"endpointslice.kubernetes.io/skip-mirror":"true"})", "", false},
      {"marked otherwise", R"(,"labels":{"endpointslice.kubernetes.io/skip-mirror":"no"})", "", true},
      {"a leader's lock", R"(,"annotations":{"control-plane.alpha.kubernetes.io/leader":"{}"})", "", false},
  };
  for (const Row& row : rows) {
    auto endpoints = api::Object::FromValue(*json::Parse(EndpointsJson("[]", row.metadata)), 1);
    std::string text = fmt::format(R"({{"apiVersion":"v1","kind":"Service","metadata":{{"name":"db","namespace":"default"}},
        "spec":{{"ports":[{{"port":1}}]{}}}}})",
                                   row.selector);
    auto service = api::Object::FromValue(*json::Parse(text), 1);
    ASSERT_TRUE(endpoints && service);
    EXPECT_EQ(endpointslicemirroring::IsMirrored(endpointslicemirroring::EndpointsPtr(*endpoints), ServicePtr(*service)),
              row.mirrored)
        << row.what;
  }
  EXPECT_FALSE(endpointslicemirroring::IsMirrored({}, {}));
}

}  // namespace
}  // namespace sampan::controllers
