// Where pods may go because of other pods: affinity, anti-affinity and even spreading.
#include <gtest/gtest.h>

#include "scheduler/algorithm.h"
#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

using testing::MakeNode;

PodPtr LabelledPod(const std::string& name, const std::string& app, const std::string& spec = "{}",
                   const std::string& namespace_ = "default", const std::string& owner = "") {
  json::Value pod = *json::Parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{},"spec":)" + spec + "}");
  json::Object& metadata = pod.at("metadata").as_object();
  metadata = {{"name", name}, {"namespace", namespace_}, {"uid", "uid-" + name}, {"labels", {{"app", app}}}};
  if (!owner.empty()) {
    metadata["ownerReferences"] = json::Array{json::Object{
        {"apiVersion", "apps/v1"}, {"kind", "ReplicaSet"}, {"name", owner}, {"uid", owner}, {"controller", true}}};
  }
  pod.at("spec").as_object()["containers"] = json::Array{json::Object{{"name", "c"}, {"image", "i"}}};
  auto object = api::Object::FromValue(std::move(pod), 1);
  CHECK(object.has_value());
  return PodPtr(*object);
}

std::string Labels(const std::string& labels) {
  return R"({"metadata":{"labels":)" + labels + "}}";
}

// Two zones with two nodes each, and one node outside of any.
Cluster Zones() {
  Cluster cluster;
  for (const char* name : {"a1", "a2", "b1", "b2"}) {
    cluster.PutNode(MakeNode(name, Labels(fmt::format(R"({{"zone":"{}","host":"{}"}})", name[0], name))));
  }
  cluster.PutNode(MakeNode("x"));
  cluster.PutNamespace("default", {});
  cluster.PutNamespace("team", {{"kind", "team"}});
  return cluster;
}

std::string Term(const std::string& app, const std::string& key, const std::string& more = "") {
  return fmt::format(R"({{"labelSelector":{{"matchLabels":{{"app":"{}"}}}},"topologyKey":"{}"{}}})", app, key, more);
}
std::string Required(const std::string& side, const std::string& term) {
  return fmt::format(R"({{"affinity":{{"{}":{{"requiredDuringSchedulingIgnoredDuringExecution":[{}]}}}}}})", side, term);
}
std::string Spread(const std::string& key, int skew, const std::string& more = "") {
  return fmt::format(
      R"({{"topologySpreadConstraints":[{{"maxSkew":{},"topologyKey":"{}","whenUnsatisfiable":"DoNotSchedule",
          "labelSelector":{{"matchLabels":{{"app":"web"}}}}{}}}]}})",
      skew, key, more);
}

struct Placed {
  const char* node;
  const char* app;
  std::string spec = "{}";
  const char* namespace_ = "default";
};

struct Row {
  const char* what;
  std::vector<Placed> placed;
  std::string spec;  // of a pod with the label app=web
  std::string fits;  // names of the nodes
  std::string explanation;
};

class Relating : public ::testing::TestWithParam<Row> {};

TEST_P(Relating, FitsWhereItMay) {
  const Row& row = GetParam();
  Cluster cluster = Zones();
  int number = 0;
  for (const Placed& placed : row.placed) {
    cluster.PutPod(PodInfo(LabelledPod(fmt::format("p{}", number++), placed.app, placed.spec, placed.namespace_)),
                   placed.node);
  }
  PodInfo pod(LabelledPod("new", "web", row.spec));
  Attempt attempt = Prepare(pod, cluster);
  std::string fits;
  for (size_t i = 0; i < cluster.size(); ++i) {
    if (Fits(attempt, cluster.at(i))) fits += (fits.empty() ? "" : " ") + cluster.at(i).name;
  }
  EXPECT_EQ(fits, row.fits) << row.what;
  if (!row.explanation.empty()) EXPECT_EQ(Diagnose(pod, cluster).message, row.explanation) << row.what;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Relating,
    ::testing::Values(
        Row{"near what is there", {{"a1", "db"}}, Required("podAffinity", Term("db", "zone")), "a1 a2", ""},
        Row{"near what is nowhere",
            {},
            Required("podAffinity", Term("db", "zone")),
            "",
            "0/5 nodes are available: 5 node(s) didn't match pod affinity rules."},
        Row{"the first of its kind goes anywhere that has the label",
            {},
            Required("podAffinity", Term("web", "zone")),
            "a1 a2 b1 b2",
            ""},
        Row{"the second goes to the first", {{"b1", "web"}}, Required("podAffinity", Term("web", "host")), "b1", ""},
        Row{"pods of other namespaces are others'",
            {{"a1", "db", "{}", "team"}},
            Required("podAffinity", Term("db", "zone")),
            "",
            ""},
        Row{"unless they are named",
            {{"a1", "db", "{}", "team"}},
            Required("podAffinity", Term("db", "zone", R"(,"namespaces":["team"])")),
            "a1 a2",
            ""},
        Row{"or selected",
            {{"a1", "db", "{}", "team"}, {"b1", "db"}},
            Required("podAffinity", Term("db", "zone", R"(,"namespaceSelector":{"matchLabels":{"kind":"team"}})")),
            "a1 a2",
            ""},
        Row{"away from what is there", {{"a1", "web"}}, Required("podAntiAffinity", Term("web", "zone")), "b1 b2 x", ""},
        Row{"away from all",
            {{"a1", "web"}, {"b2", "web"}, {"x", "web"}},
            R"({"nodeSelector":{"zone":"a"},"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[)" +
                Term("web", "zone") + "]}}}",
            "",
            "0/5 nodes are available: 2 node(s) didn't match pod anti-affinity rules, 3 node(s) didn't match Pod's node "
            "affinity/selector."},
        Row{"kept away by who is there",
            {{"a1", "proud", Required("podAntiAffinity", Term("web", "zone"))}},
            "{}",
            "b1 b2 x",
            ""},
        Row{"kept away by its own value",
            {{"a1", "web"}},
            Required("podAntiAffinity", R"({"labelSelector":{},"matchLabelKeys":["app"],"topologyKey":"zone"})"),
            "b1 b2 x",
            ""},
        Row{"without a selector nobody is meant",
            {{"a1", "web"}},
            Required("podAntiAffinity", R"({"topologyKey":"zone"})"),
            "a1 a2 b1 b2 x",
            ""},
        Row{"spread: the emptier zone", {{"a1", "web"}, {"a2", "web"}, {"b1", "web"}}, Spread("zone", 1), "b1 b2", ""},
        Row{"spread: some skew is allowed",
            {{"a1", "web"}, {"a2", "web"}, {"b1", "web"}},
            Spread("zone", 2),
            "a1 a2 b1 b2",
            ""},
        Row{"spread: only matching pods of the namespace count",
            {{"a1", "db"}, {"a1", "web", "{}", "team"}},
            Spread("zone", 1),
            "a1 a2 b1 b2",
            ""},
        Row{"spread over nodes", {{"a1", "web"}, {"b1", "web"}}, Spread("host", 1), "a2 b2", ""},
        Row{"spread: zones that its selector excludes do not count",
            {{"a1", "web"}},
            R"({"nodeSelector":{"zone":"a"},)" + Spread("zone", 1).substr(1),
            "a1 a2",
            ""},
        Row{"spread: unless they shall",
            {{"a1", "web"}},
            R"({"nodeSelector":{"zone":"a"},)" + Spread("zone", 1, R"(,"nodeAffinityPolicy":"Ignore")").substr(1),
            "",
            "0/5 nodes are available: 2 node(s) didn't match pod topology spread constraints, 3 node(s) didn't match Pod's "
            "node affinity/selector."},
        Row{"spread: too few domains count as empty ones",
            {{"a1", "web"}, {"b1", "web"}},
            Spread("zone", 1, R"(,"minDomains":3)"),
            "",
            "0/5 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label), 4 "
            "node(s) didn't match pod topology spread constraints."}));

std::string Chosen(const PodPtr& pod, const Cluster& cluster) {
  auto rng = NewSeededRng(5);
  Decision decision = ChooseNode(PodInfo(pod), cluster, 0, *rng);
  return decision.node == nullptr ? "" : decision.node->name;
}

TEST(Relating, Preferences) {
  auto weighted = [](const std::string& side, const std::string& term) {
    return fmt::format(
        R"({{"affinity":{{"{}":{{"preferredDuringSchedulingIgnoredDuringExecution":[{{"weight":50,"podAffinityTerm":{}}}]}}}}}})",
        side, term);
  };
  Cluster cluster = Zones();
  cluster.PutPod(PodInfo(LabelledPod("db", "db")), "b2");
  EXPECT_EQ(Chosen(LabelledPod("p", "web", weighted("podAffinity", Term("db", "host"))), cluster), "b2");
  for (const char* name : {"a1", "a2", "b1", "x"}) {
    cluster.PutPod(PodInfo(LabelledPod(std::string("w") + name, "log")), name);
  }
  EXPECT_NE(Chosen(LabelledPod("p", "web", weighted("podAntiAffinity", Term("db", "host"))), cluster), "b2");

  // A pod that is there may want company, too.
  Cluster lonely = Zones();
  lonely.PutPod(PodInfo(LabelledPod("l", "db", weighted("podAffinity", Term("web", "host")))), "a2");
  EXPECT_EQ(Chosen(LabelledPod("p", "web"), lonely), "a2");
  EXPECT_TRUE(lonely.RemovePod("uid-l"));
  EXPECT_TRUE(lonely.related().empty());
}

TEST(Relating, PodsOfOneOwnerSpreadByThemselves) {
  Cluster cluster;
  for (const char* name : {"a1", "a2", "b1", "b2"}) {
    std::string more = name[0] == 'a' ? "32" : "4";  // the larger nodes would be emptier for long
    cluster.PutNode(MakeNode(name, fmt::format(R"({{"metadata":{{"labels":{{"topology.kubernetes.io/zone":"{}"}}}},
        "status":{{"allocatable":{{"cpu":"{}","memory":"{}Gi","pods":"110"}}}}}})",
                                               name[0], more, more)));
  }
  std::map<std::string, int> placed;
  for (int i = 0; i < 8; ++i) {
    PodPtr pod = LabelledPod(fmt::format("p{}", i), "web", "{}", "default", "set-1");
    std::string node = Chosen(pod, cluster);
    ++placed[node];
    cluster.PutPod(PodInfo(pod), node);
  }
  for (const auto& [node, count] : placed) EXPECT_EQ(count, 2) << node;
  EXPECT_EQ(cluster.Siblings("set-1")->size(), 4u);
  for (int i = 0; i < 8; ++i) cluster.RemovePod(fmt::format("uid-p{}", i));
  EXPECT_EQ(cluster.Siblings("set-1"), nullptr);
}

TEST(Relating, PrefersEvenSpreadingWhenAskedTo) {
  std::string soft = R"({"topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway",
      "labelSelector":{"matchLabels":{"app":"web"}}}]})";
  Cluster cluster = Zones();
  cluster.PutPod(PodInfo(LabelledPod("p1", "web")), "a1");
  cluster.PutPod(PodInfo(LabelledPod("p2", "web")), "a2");
  EXPECT_EQ(Chosen(LabelledPod("p", "web", soft), cluster)[0], 'b');
}

TEST(Relating, PrefersNodesThatHoldTheImage) {
  Cluster cluster;
  cluster.PutNode(MakeNode("a"));
  cluster.PutNode(MakeNode("b", R"({"status":{"images":[{"names":["i:latest"],"sizeBytes":900000000}]}})"));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Chosen(LabelledPod("p", "web"), cluster), "b");
  cluster.PutNode(MakeNode("b"));
  EXPECT_FALSE(cluster.holds_images());
  EXPECT_EQ(NormalImageName("host:5000/team/app"), "host:5000/team/app:latest");
  EXPECT_EQ(NormalImageName("app:v1"), "app:v1");
}

}  // namespace
}  // namespace sampan::scheduler
