#include "controllers/endpointslice/endpointslice.h"

#include <gtest/gtest.h>

#include "api/types/discovery.h"
#include "controllers/endpoints/endpoints.h"
#include "controllers/endpointslice/plan.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using namespace std::chrono_literals;
using api::core::Endpoints;
using api::core::Pod;
using api::core::Service;
using api::discovery::EndpointSlice;
using endpointslice::SlicePtr;
using testing::Sim;

ServicePtr MakeService(std::string_view spec) {
  return ServicePtr(*api::Object::FromValue(
      *json::Parse(fmt::format(R"({{"apiVersion":"v1","kind":"Service","metadata":{{"name":"web","namespace":"default",
        "uid":"svc","labels":{{"team":"a"}}}},"spec":{}}})",
                               spec)),
      1));
}

struct PodState {
  std::string name;
  std::string ip;
  std::string ready = "True";
  std::string phase = "Running";
  bool deleting = false;
  int http_port = 8080;
  std::string hostname, subdomain;
};

PodPtr MakePod(const PodState& s) {
  Pod pod;
  pod.metadata.name = s.name;
  pod.metadata.namespace_ = "default";
  pod.metadata.uid = "uid-" + s.name;
  if (s.deleting) pod.metadata.deletion_timestamp = WallTime();
  pod.spec.node_name = "n1";
  pod.spec.hostname = s.hostname;
  pod.spec.subdomain = s.subdomain;
  pod.spec.containers.push_back(
      {.name = "c", .ports = {{.name = "http", .container_port = s.http_port, .protocol = "TCP"}}});
  pod.status.phase = s.phase;
  pod.status.pod_ip = s.ip;
  pod.status.conditions.push_back({.type = "Ready", .status = s.ready});
  return PodPtr(*api::Object::FromValue(api::ToJson(pod), 1));
}

// "10.0.0.1 ready serving" and so on, over all slices.
std::vector<std::string> Describe(const std::vector<EndpointSlice>& slices) {
  std::vector<std::string> lines;
  for (const EndpointSlice& slice : slices) {
    for (const auto& endpoint : slice.endpoints) {
      std::string line = endpoint.addresses.at(0);
      const auto& conditions = endpoint.conditions.OrEmpty();
      if (conditions.ready.value_or(false)) line += " ready";
      if (conditions.serving.value_or(false)) line += " serving";
      if (conditions.terminating.value_or(false)) line += " terminating";
      for (const auto& port : slice.ports) line += fmt::format(" {}:{}", port.name, port.port.value_or(0));
      if (!endpoint.hostname.empty()) line += " " + endpoint.hostname;
      lines.push_back(std::move(line));
    }
  }
  std::ranges::sort(lines);
  return lines;
}

using Lines = std::vector<std::string>;

TEST(EndpointSlicePlan, WhatIsPublishedOfAPod) {
  struct Row {
    const char* name;
    const char* service;
    std::vector<PodState> pods;
    Lines want;
  };
  const char* plain = R"({"selector":{"a":"b"},"ports":[{"name":"p","port":80,"targetPort":"http"}]})";
  const char* unready = R"({"selector":{"a":"b"},"publishNotReadyAddresses":true,"ports":[{"name":"p","port":80}]})";
  const char* headless = R"({"selector":{"a":"b"},"clusterIP":"None"})";
  const char* v6 = R"({"selector":{"a":"b"},"ipFamilies":["IPv6"],"ports":[{"port":80}]})";
  const Row rows[] = {
      {"ready", plain, {{"x", "10.0.0.1"}}, {"10.0.0.1 ready serving p:8080"}},
      {"not ready", plain, {{"x", "10.0.0.1", "False"}}, {"10.0.0.1 p:8080"}},
      {"terminating but serving",
       plain,
       {{"x", "10.0.0.1", "True", "Running", true}},
       {"10.0.0.1 serving terminating p:8080"}},
      {"finished", plain, {{"x", "10.0.0.1", "False", "Succeeded"}}, {}},
      {"without address", plain, {{"x", ""}}, {}},
      {"published though not ready", unready, {{"x", "10.0.0.1", "False"}}, {"10.0.0.1 ready p:80"}},
      {"named port by pod",
       plain,
       {{"x", "10.0.0.1"}, {.name = "y", .ip = "10.0.0.2", .http_port = 9090}},
       {"10.0.0.1 ready serving p:8080", "10.0.0.2 ready serving p:9090"}},
      {"no such port", R"({"selector":{"a":"b"},"ports":[{"port":80,"targetPort":"other"}]})", {{"x", "10.0.0.1"}}, {}},
      {"headless with hostname",
       headless,
       {{.name = "x", .ip = "10.0.0.1", .hostname = "h", .subdomain = "web"}},
       {"10.0.0.1 ready serving h"}},
      {"hostname of another domain",
       headless,
       {{.name = "x", .ip = "10.0.0.1", .hostname = "h", .subdomain = "db"}},
       {"10.0.0.1 ready serving"}},
      {"other family", v6, {{"x", "10.0.0.1"}, {"y", "fd00::1"}}, {"fd00::1 ready serving :80"}},
  };
  for (const Row& row : rows) {
    std::vector<PodPtr> pods;
    for (const PodState& pod : row.pods) pods.push_back(MakePod(pod));
    endpointslice::Plan plan = endpointslice::PlanSlices(MakeService(row.service), pods, {});
    EXPECT_EQ(Describe(plan.create), row.want) << row.name;
    EXPECT_EQ(plan.create.empty(), false) << row.name;
    EXPECT_EQ(plan.create[0].metadata.labels.Get("kubernetes.io/service-name"), "web");
    EXPECT_EQ(plan.create[0].metadata.labels.Get("team"), "a");
    EXPECT_EQ(plan.create[0].metadata.owner_references.at(0).uid, "svc");
  }
}

// Applies a plan to slices as the server would.
std::vector<SlicePtr> Apply(std::vector<SlicePtr> slices, const endpointslice::Plan& plan, int* serial) {
  auto publish = [&](EndpointSlice slice) {
    if (slice.metadata.name.empty()) slice.metadata.name = fmt::format("web-{:03}", ++*serial);
    std::erase_if(slices, [&](const SlicePtr& old) { return old.name() == slice.metadata.name; });
    slices.emplace_back(*api::Object::FromValue(api::ToJson(slice), 1));
  };
  for (const EndpointSlice& slice : plan.create) publish(slice);
  for (const EndpointSlice& slice : plan.update) publish(slice);
  for (const SlicePtr& gone : plan.remove) {
    std::erase_if(slices, [&](const SlicePtr& old) { return old.name() == gone.name(); });
  }
  return slices;
}

TEST(EndpointSlicePlan, FewSlicesAndFewWrites) {
  ServicePtr service = MakeService(R"({"selector":{"a":"b"},"ports":[{"name":"p","port":80}]})");
  std::vector<PodState> states;
  for (int i = 0; i < 250; ++i)
    states.push_back({fmt::format("p{:03}", i), fmt::format("10.0.{}.{}", i / 200, i % 200 + 1)});
  auto pods = [&states] {
    std::vector<PodPtr> made;
    for (const PodState& state : states) made.push_back(MakePod(state));
    return made;
  };
  int serial = 0;
  std::vector<SlicePtr> slices;
  endpointslice::Plan plan = endpointslice::PlanSlices(service, pods(), slices);
  EXPECT_EQ(plan.create.size(), 3u);
  slices = Apply(slices, plan, &serial);

  plan = endpointslice::PlanSlices(service, pods(), slices);
  EXPECT_TRUE(plan.create.empty() && plan.update.empty() && plan.remove.empty()) << "nothing changed";

  states[7].ready = "False";
  plan = endpointslice::PlanSlices(service, pods(), slices);
  EXPECT_EQ(plan.update.size(), 1u) << "one endpoint changed";
  slices = Apply(slices, plan, &serial);

  states.push_back({"new", "10.1.0.1"});
  plan = endpointslice::PlanSlices(service, pods(), slices);
  EXPECT_EQ(plan.update.size() + plan.create.size(), 1u) << "one more fits into a slice with room";
  slices = Apply(slices, plan, &serial);

  states.erase(states.begin(), states.begin() + 200);
  plan = endpointslice::PlanSlices(service, pods(), slices);
  slices = Apply(slices, plan, &serial);
  EXPECT_LE(slices.size(), 2u);

  states.clear();
  slices = Apply(slices, endpointslice::PlanSlices(service, pods(), slices), &serial);
  ASSERT_EQ(slices.size(), 1u) << "one empty slice stays";
  EXPECT_TRUE(slices[0]->endpoints.empty());
  std::string kept = slices[0].name();
  states.push_back({.name = "back", .ip = "10.2.0.1", .http_port = 1});
  slices = Apply(slices, endpointslice::PlanSlices(service, pods(), slices), &serial);
  ASSERT_EQ(slices.size(), 1u);
  EXPECT_EQ(slices[0].name(), kept) << "and is used again";
}

TEST(EndpointSlicePlan, RandomChangesConvergeToTheSamePods) {
  ServicePtr service = MakeService(R"({"selector":{"a":"b"},"ports":[{"name":"p","port":80,"targetPort":"http"}]})");
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    auto rng = NewSeededRng(seed);
    std::map<int, PodState> states;
    std::vector<SlicePtr> slices;
    int serial = 0;
    for (int round = 0; round < 20; ++round) {
      for (uint64_t changes = rng->Below(60); changes > 0; --changes) {
        int id = static_cast<int>(rng->Below(400));
        if (states.erase(id) > 0) continue;
        states[id] = {fmt::format("p{}", id), fmt::format("10.0.{}.{}", id / 250, id % 250 + 1)};
        states[id].http_port = rng->Below(5) == 0 ? 9090 : 8080;
        states[id].ready = rng->Below(3) == 0 ? "False" : "True";
      }
      std::vector<PodPtr> pods;
      for (const auto& [id, state] : states) pods.push_back(MakePod(state));
      slices = Apply(slices, endpointslice::PlanSlices(service, pods, slices), &serial);
      std::vector<EndpointSlice> now;
      for (const SlicePtr& slice : slices) {
        ASSERT_LE(slice->endpoints.size(), endpointslice::kMaxEndpoints);
        now.push_back(*slice);
      }
      ASSERT_EQ(Describe(now), Describe(endpointslice::PlanSlices(service, pods, {}).create)) << "seed " << seed;
    }
  }
}

struct SimWithBoth : Sim {
  SimWithBoth() {
    Start(NewEndpointSliceController(world()));
    Start(NewEndpointsController(world()));
  }
  void PutPod(const std::string& name) {
    api().Put(fmt::format(
        R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{}","namespace":"default","labels":{{"app":"web"}}}},
            "spec":{{"containers":[]}}}})",
        name));
    Settle();
  }
  Lines Published() const {
    std::vector<EndpointSlice> slices;
    for (const SlicePtr& slice : All<EndpointSlice>()) slices.push_back(*slice);
    return Describe(slices);
  }
};

TEST(EndpointSliceController, FollowsPodsAtOnce) {
  SimWithBoth sim;
  sim.api().Put(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"default"},
                    "spec":{"selector":{"app":"web"},"ports":[{"name":"p","port":80}]}})");
  sim.Settle();
  ASSERT_EQ(sim.All<EndpointSlice>().size(), 1u);
  sim.PutPod("a");
  sim.PutPod("b");
  sim.RunPods();
  EXPECT_EQ(sim.Published(), (Lines{"10.244.0.1 ready serving p:80", "10.244.0.2 ready serving p:80"}));
  sim.Advance(100ms);
  ASSERT_EQ(sim.Get<Endpoints>("web")->subsets.size(), 1u);
  EXPECT_EQ(sim.Get<Endpoints>("web")->subsets[0].addresses.size(), 2u);

  sim.ReportPod(sim.Get<Pod>("a"), Sim::Ready::kNo);
  sim.Settle();
  EXPECT_EQ(sim.Published().size(), 2u);
  EXPECT_EQ(std::ranges::count_if(sim.Published(), [](const auto& l) { return l.find(" ready") != std::string::npos; }), 1);
  sim.Delete<Pod>("b");
  EXPECT_EQ(std::ranges::count_if(sim.Published(), [](const auto& l) { return l.find(" ready") != std::string::npos; }), 0);
  sim.RunPods(0);
  EXPECT_EQ(sim.Published().size(), 1u);
  EXPECT_EQ(sim.All<EndpointSlice>().size(), 1u);
  sim.Advance(1s);

  sim.Delete<Service>("web");
  sim.Advance(1s);
  EXPECT_FALSE(sim.Get<Endpoints>("web"));
}

TEST(EndpointSliceController, FollowsEveryServiceThatSelectsThePod) {
  SimWithBoth sim;
  int serial = 0;
  for (const char* selector :
       {R"({"app":"web"})", R"({"app":"web","tier":"front"})", R"({"tier":"front"})", R"({"app":"web","tier":"back"})"}) {
    sim.api().Put(fmt::format(R"({{"apiVersion":"v1","kind":"Service","metadata":{{"name":"s{}","namespace":"default"}},
        "spec":{{"selector":{},"ports":[{{"port":80}}]}}}})",
                              serial++, selector));
  }
  sim.PutPod("a");
  sim.RunPods();
  EXPECT_EQ(sim.Published().size(), 1u);
  sim.Patch<Pod>("a", R"({"metadata":{"labels":{"tier":"front"}}})");
  EXPECT_EQ(sim.Published().size(), 3u);
  sim.Patch<Pod>("a", R"({"metadata":{"labels":{"app":null,"tier":"front"}}})");
  EXPECT_EQ(sim.Published().size(), 1u);
  sim.Patch<api::core::Service>("s0", R"({"spec":{"selector":{"app":null,"tier":"front"}}})");
  EXPECT_EQ(sim.Published().size(), 2u);
  sim.Patch<Pod>("a", R"({"metadata":{"labels":{"tier":"none"}}})");
  EXPECT_EQ(sim.Published().size(), 0u);
}

TEST(EndpointSliceController, ForeignSlicesAndServicesWithoutSelectorAreLeftAlone) {
  SimWithBoth sim;
  sim.api().Put(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"ext","namespace":"default"},
                    "spec":{"ports":[{"port":80}]}})");
  sim.api().Put(R"({"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv4","endpoints":[],"ports":[],
      "metadata":{"name":"mine","namespace":"default","labels":{"kubernetes.io/service-name":"ext"}}})");
  sim.Advance(1s);
  EXPECT_EQ(sim.All<EndpointSlice>().size(), 1u);
  EXPECT_TRUE(sim.All<Endpoints>().empty());
}

}  // namespace
}  // namespace sampan::controllers
