#include "daemon/own_node.h"

#include <gtest/gtest.h>

#include <thread>

#include "api/types/core.h"
#include "client/testing.h"
#include "client/typed.h"

namespace sampan::daemon {
namespace {

using api::core::Node;

constexpr std::string_view kRole = "node-role.kubernetes.io/control-plane";

class OwnNodeTest : public client::ComponentTest {
 protected:
  OwnNodeTest() { Spawn(*pool_, gate_, node_.Run(stop_.token())); }
  void TearDown() override {
    stop_.Cancel();
    SyncWait(*pool_, gate_.Close());
    ComponentTest::TearDown();
  }
  const std::string* Label(std::string_view key) {
    present_ = api_.Peek(client::RefOf<Node>("", "n1"));
    return present_ == nullptr ? nullptr : api::FindIn(present_->head().labels, key);
  }
  void ExpectLabels() {
    while (Label(kRole) == nullptr || Label("tier") == nullptr) std::this_thread::yield();
    EXPECT_EQ(*Label("tier"), "gold");
  }

  OwnNode node_{{api_, informers_, *pool_, *clock_}, "n1", {{"tier", "gold"}}};
  client::ObjectPtr present_;
  CancelSource stop_;
  Gate gate_;
};

TEST_F(OwnNodeTest, IsLabelledWhenItAppearsAndWhenItIsMadeAnew) {
  api_.Put(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{"tier":"lead"}}})");
  ExpectLabels();
  api_.Remove(client::RefOf<Node>("", "n1"));
  api_.Put(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}})");
  ExpectLabels();
}

}  // namespace
}  // namespace sampan::daemon
