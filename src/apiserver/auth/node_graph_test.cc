#include "apiserver/auth/node_graph.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "apiserver/auth/testing.h"
#include "base/rng.h"

namespace sampan::apiserver::auth {
namespace {

class NodeGraphTest : public testing::Test {
 protected:
  void Pod(std::string_view name, std::string_view node, std::string_view secret) {
    lookup_.Add("pods", fmt::format(R"({{"kind":"Pod","metadata":{{"name":"{}","namespace":"ns"}},"spec":{{"nodeName":"{}",)"
                                    R"("imagePullSecrets":[{{"name":"{}"}}]}}}})",
                                    name, node, secret));
  }
  // The secrets of the namespace that the node may use, of a, b and c.
  std::string Used(std::string_view node) {
    std::string used;
    for (std::string_view name : {"a", "b", "c"}) {
      if (graph_.Uses(node, "secrets", "ns", name)) used += name;
      EXPECT_FALSE(graph_.Uses(node, "secrets", "other", name));
      EXPECT_FALSE(graph_.Uses(node, "configmaps", "ns", name));
    }
    return used;
  }

  FakeLookup lookup_;
  NodeGraph graph_{lookup_};
};

TEST_F(NodeGraphTest, FollowsThePodsOfEachNode) {
  EXPECT_EQ(Used("n1"), "");
  Pod("2", "n1", "a");
  EXPECT_EQ(Used("n1"), "a");
  EXPECT_EQ(Used("n2"), "");
  Pod("1", "n1", "b");
  Pod("3", "n2", "c");
  EXPECT_EQ(Used("n1"), "ab");
  EXPECT_EQ(Used("n2"), "c");
  Pod("2", "n1", "c");
  EXPECT_EQ(Used("n1"), "bc") << "a changed pod opens what it names now";
  Pod("4", "n1", "b");
  lookup_.Remove("pods", "ns", "1");
  EXPECT_EQ(Used("n1"), "bc") << "another pod still names it";
  lookup_.Remove("pods", "ns", "4");
  EXPECT_EQ(Used("n1"), "c");
  lookup_.Remove("pods", "ns", "2");
  EXPECT_EQ(Used("n1"), "");
}

TEST_F(NodeGraphTest, AgreesWithALookAtEveryPodAfterEachChange) {
  std::unique_ptr<Rng> rng = NewSeededRng(7);
  std::map<std::string, std::pair<std::string, std::string>> pods;  // name: node, secret
  for (int round = 0; round < 500; ++round) {
    std::string name(1, static_cast<char>('p' + rng->Below(8)));
    if (pods.contains(name) && rng->Below(2) == 0) {
      lookup_.Remove("pods", "ns", name);
      pods.erase(name);
    } else {
      std::string node = rng->Below(2) == 0 ? "n1" : "n2";
      std::string secret(1, static_cast<char>('a' + rng->Below(3)));
      Pod(name, node, secret);
      pods[name] = {node, secret};
    }
    if (rng->Below(3) == 0) continue;  // several changes at once
    for (std::string node : {"n1", "n2"}) {
      std::set<char> expected;
      for (const auto& [pod, where] : pods) {
        if (where.first == node) expected.insert(where.second[0]);
      }
      ASSERT_EQ(Used(node), std::string(expected.begin(), expected.end())) << "round " << round;
    }
  }
}

TEST_F(NodeGraphTest, RunsWhatIsBound) {
  Pod("1", "n1", "a");
  EXPECT_TRUE(graph_.Runs("n1", "ns", "1"));
  EXPECT_FALSE(graph_.Runs("n2", "ns", "1"));
  EXPECT_FALSE(graph_.Runs("n1", "other", "1"));
  EXPECT_FALSE(graph_.Runs("n1", "ns", "2"));
}

}  // namespace
}  // namespace sampan::apiserver::auth
