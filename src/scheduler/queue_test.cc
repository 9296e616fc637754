#include "scheduler/queue.h"

#include <gtest/gtest.h>

#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

using namespace std::chrono_literals;

MonoTime At(Duration since_start) {
  return MonoTime(since_start);
}

PodInfoPtr Pod(const std::string& name, int priority = 0) {
  return std::make_shared<const PodInfo>(testing::MakePod(name, "{}", fmt::format(R"({{"priority":{}}})", priority)));
}

std::vector<std::string> Names(const std::vector<PodInfoPtr>& pods) {
  std::vector<std::string> names;
  for (const PodInfoPtr& pod : pods) names.push_back(pod->pod.name());
  return names;
}
using List = std::vector<std::string>;

TEST(Queue, HighestPriorityFirstThenLongestWaiting) {
  Queue queue;
  queue.Put(Pod("old"), Queue::Change::kMayHelp, At(1s));
  queue.Put(Pod("new"), Queue::Change::kMayHelp, At(2s));
  queue.Put(Pod("urgent", 10), Queue::Change::kMayHelp, At(3s));
  EXPECT_EQ(Names(queue.Pop(2, At(4s))), List({"urgent", "old"}));
  EXPECT_EQ(Names(queue.Pop(2, At(4s))), List({"new"}));
}

TEST(Queue, UnschedulableWaitsForAChangeAndItsBackoff) {
  Queue queue;
  queue.Put(Pod("p"), Queue::Change::kMayHelp, At(0s));
  queue.Pop(1, At(0s));
  queue.Fail("uid-p", FailureKind::kUnschedulable, At(0s));
  EXPECT_EQ(Names(queue.Pop(1, At(60s))), List({}));
  EXPECT_EQ(queue.NextWake(), At(5min));
  queue.ClusterChanged(At(60s));
  EXPECT_EQ(Names(queue.Pop(1, At(60s))), List({"p"}));
  queue.Fail("uid-p", FailureKind::kUnschedulable, At(60s));
  queue.ClusterChanged(At(60s));
  EXPECT_EQ(Names(queue.Pop(1, At(61s))), List({})) << "the second backoff is two seconds";
  EXPECT_EQ(queue.NextWake(), At(62s));
  EXPECT_EQ(Names(queue.Pop(1, At(62s))), List({"p"}));
}

TEST(Queue, AChangeDuringTheAttemptIsNotMissed) {
  Queue queue;
  queue.Put(Pod("p"), Queue::Change::kMayHelp, At(0s));
  queue.Pop(1, At(0s));
  queue.ClusterChanged(At(0s));
  queue.Fail("uid-p", FailureKind::kUnschedulable, At(0s));
  EXPECT_EQ(queue.NextWake(), At(1s));
}

TEST(Queue, ErrorsBackOffUpToTenSeconds) {
  Queue queue;
  queue.Put(Pod("p"), Queue::Change::kMayHelp, At(0s));
  MonoTime now = At(0s);
  for (Duration expected : {Duration(1s), Duration(2s), Duration(4s), Duration(8s), Duration(10s), Duration(10s)}) {
    ASSERT_EQ(Names(queue.Pop(1, now)), List({"p"}));
    queue.Fail("uid-p", FailureKind::kError, now);
    EXPECT_EQ(*queue.NextWake() - now, expected);
    now = *queue.NextWake();
  }
}

TEST(Queue, AnUpdateWakesOnlyWhenItMayHelp) {
  Queue queue;
  queue.Put(Pod("p"), Queue::Change::kMayHelp, At(0s));
  queue.Pop(1, At(0s));
  queue.Fail("uid-p", FailureKind::kUnschedulable, At(0s));
  queue.Put(Pod("p"), Queue::Change::kStatusOnly, At(1s));
  EXPECT_EQ(Names(queue.Pop(1, At(1s))), List({}));
  queue.Put(Pod("p"), Queue::Change::kMayHelp, At(1s));
  EXPECT_EQ(Names(queue.Pop(1, At(1s))), List({"p"}));
}

TEST(Queue, RemovedInFlightStaysRemoved) {
  Queue queue;
  queue.Put(Pod("p"), Queue::Change::kMayHelp, At(0s));
  queue.Pop(1, At(0s));
  queue.Remove("uid-p");
  queue.Fail("uid-p", FailureKind::kError, At(0s));
  EXPECT_EQ(queue.NextWake(), std::nullopt);
  EXPECT_EQ(queue.waiting(), 0u);
}

}  // namespace
}  // namespace sampan::scheduler
