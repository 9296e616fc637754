// What only the embedded engine promises: restarts, refused writes and the way back, automatic compaction.
#include "store/engine/embedded/engine.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

#include "async/pool.h"
#include "async/spawn.h"
#include "base/guarded.h"
#include "store/engine/embedded/fault_env.h"
#include "store/engine/embedded/group.h"
#include "store/engine/embedded/test_store.h"
#include "store/keys.h"

namespace sampan::store::embedded {
namespace {

// Fails at one point once, as if the system had refused the step.
class FailAt final : public Failpoints {
 public:
  Result<void> Reach(std::string_view name) override {
    auto point = point_.Lock();
    if (name != *point) return {};
    point->clear();
    return Fail(Error::ServiceUnavailable("injected at {}", name));
  }
  void Arm(std::string_view point) { *point_.Lock() = point; }

 private:
  Guarded<std::string> point_;
};

class EmbeddedStore : public testing::Test {
 protected:
  EmbeddedStore() : executor_(NewThreadPool("engine-test", 2)) {
    options_.directory = directory_.path() + "/db";
    options_.retry_interval = std::chrono::milliseconds(2);
    options_.write_buffer_bytes = 1 << 20;
  }

  void Open() {
    store_.reset();
    Result<std::unique_ptr<Store>> store = embedded::Open(options_, {&env_, &failpoints_});
    ASSERT_TRUE(store.has_value()) << store.error().message();
    store_ = *std::move(store);
  }
  Result<Revision> Put(std::string key, std::string value, Revision mod = Precondition::kAny) {
    return SyncWait(*executor_, store_->Put(std::move(key), std::move(value), {mod}));
  }
  std::string Dump(Revision revision = 0) {
    RangeOptions options;
    options.end = "/s";
    options.revision = revision;
    Result<RangeResult> range = SyncWait(*executor_, store_->Range("/r/", options));
    if (!range) return std::string(ReasonName(range.error().reason()));
    std::string text;
    for (const KeyValue& kv : range->kvs) text += kv.key.substr(3) + "=" + *kv.value + " ";
    return text;
  }
  // Writes until the engine accepts it.
  Revision PutUntilAccepted(const std::string& key, const std::string& value) {
    for (int attempt = 0; attempt < 100'000; ++attempt) {
      if (Result<Revision> put = Put(key, value)) return *put;
    }
    ADD_FAILURE() << "the store never resumed: " << store_->Health()->message();
    return 0;
  }

  TempDirectory directory_;
  EmbeddedOptions options_;
  FaultEnv env_;
  FailAt failpoints_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Store> store_;
};

TEST_F(EmbeddedStore, ARestartContinues) {
  Open();
  const Revision r1 = Put("/r/a", "1").value();
  Put("/r/b", "1").value();
  ASSERT_TRUE(SyncWait(*executor_, store_->Delete("/r/b", {})));
  const Revision last = Put("/r/a", "2").value();
  Open();
  EXPECT_EQ(store_->current_revision(), last);
  EXPECT_EQ(Dump(), "a=2 ");
  EXPECT_EQ(Dump(r1 + 1), "a=1 b=1 ") << "history survives";
  EXPECT_EQ(Put("/r/a", "3", last).value(), last + 1) << "preconditions survive";
  EXPECT_EQ(Put("/r/b", "x", Precondition::kMustNotExist).value(), last + 2);
  WatchRecorder recorder;
  std::unique_ptr<Watch> watch = store_->StartWatch("/r/", "/s", r1, recorder.Callback()).value();
  EXPECT_EQ(recorder.WaitForEvents(6).size(), 6u) << "a watch of before the restart resumes";
}

TEST_F(EmbeddedStore, ADeletionAsTheLastWriteKeepsTheRevision) {
  Open();
  Put("/r/a", "1").value();
  const Revision last = SyncWait(*executor_, store_->Delete("/r/a", {})).value();
  ASSERT_TRUE(SyncWait(*executor_, store_->Compact(last)));
  Open();
  EXPECT_EQ(store_->current_revision(), last);
  EXPECT_EQ(store_->compact_revision(), last);
  EXPECT_EQ(Put("/r/a", "1").value(), last + 1);
}

TEST_F(EmbeddedStore, HistoryIsBounded) {
  options_.history_limit = 100;
  Open();
  for (int i = 0; i < 1300; ++i) Put("/r/a", std::to_string(i)).value();
  Put("/r/a", "end").value();
  EXPECT_GT(store_->compact_revision(), 0);
  EXPECT_GE(store_->current_revision() - store_->compact_revision(), 100);
  EXPECT_EQ(Dump(store_->compact_revision() - 1), "Expired");
  Open();
  EXPECT_EQ(Dump(), "a=end ");
}

TEST_F(EmbeddedStore, HistoryIsBoundedInBytes) {
  options_.history_bytes = 100'000;
  Open();
  Put("/r/b", "kept").value();
  for (int i = 0; i < 30; ++i) Put("/r/a", std::string(10'000, 'x')).value();
  Put("/r/a", "end").value();
  EXPECT_GE(store_->compact_revision(), 20);
  EXPECT_LT(store_->compact_revision(), store_->current_revision());
  EXPECT_EQ(Dump(store_->compact_revision() - 1), "Expired");
  EXPECT_EQ(Dump(), "a=end b=kept ");
}

TEST_F(EmbeddedStore, AWatchHasItsEventBeforeTheWriteIsAcknowledged) {
  Open();
  for (int i = 0; i < 100; ++i) {
    std::atomic<Revision> seen{0};
    std::unique_ptr<Watch> watch = store_
                                       ->StartWatch("/r/", "/s", store_->current_revision() + 1,
                                                    [&seen](Result<WatchBatch> batch) { seen = batch->revision; })
                                       .value();
    const Revision written = Put("/r/a", std::to_string(i)).value();
    ASSERT_EQ(seen, written) << "in round " << i;
  }
}

TEST_F(EmbeddedStore, ADirectoryInUseIsRefused) {
  Open();
  Result<std::unique_ptr<Store>> second = embedded::Open(options_, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message().find(options_.directory), std::string::npos);
}

TEST_F(EmbeddedStore, TooLargeValuesAreRefused) {
  options_.max_value_bytes = 1000;
  Open();
  EXPECT_EQ(Put("/r/a", std::string(1001, 'x')).error().reason(), Reason::kRequestEntityTooLarge);
}

class EmbeddedStoreFaults : public EmbeddedStore, public testing::WithParamInterface<Fault> {};

TEST_P(EmbeddedStoreFaults, WritesFailWithTheReasonAndResumeByThemselves) {
  Open();
  const Revision before = Put("/r/a", "1").value();
  WatchRecorder recorder;
  std::unique_ptr<Watch> watch = store_->StartWatch("/r/", "/s", 0, recorder.Callback()).value();
  env_.Set(GetParam());
  for (int i = 0; i < 5; ++i) {
    Result<Revision> refused = Put("/r/a", "refused", before);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason(), Reason::kServiceUnavailable);
    EXPECT_NE(refused.error().message().find("the store refuses writes"), std::string::npos);
  }
  EXPECT_TRUE(store_->Health().has_value());
  EXPECT_EQ(Dump(), "a=1 ") << "reads go on";
  EXPECT_EQ(store_->current_revision(), before);
  env_.Set(Fault::kNone);
  const Revision after = PutUntilAccepted("/r/b", "2");
  EXPECT_FALSE(store_->Health().has_value());
  // A write whose sync failed may be on disk and then comes back with recovery: whole, with an event of its own.
  const bool returned = after == before + 2;
  EXPECT_TRUE(returned || after == before + 1) << after;
  const std::string state = returned ? "a=refused b=2 " : "a=1 b=2 ";
  EXPECT_EQ(Dump(), state);
  EXPECT_EQ(recorder.WaitForEvents(returned ? 2 : 1).back().kv.mod_revision, after);
  Open();
  EXPECT_EQ(Dump(), state);
}

INSTANTIATE_TEST_SUITE_P(Faults, EmbeddedStoreFaults, testing::Values(Fault::kFull, Fault::kReadOnly, Fault::kSyncFails));

TEST_F(EmbeddedStore, AWriteThatFailedAfterReachingTheDiskComesBackAsAnEvent) {
  Open();
  Put("/r/a", "1").value();
  WatchRecorder recorder;
  std::unique_ptr<Watch> watch = store_->StartWatch("/r/", "/s", 0, recorder.Callback()).value();
  failpoints_.Arm("store.after_write");
  EXPECT_EQ(Put("/r/a", "2").error().reason(), Reason::kServiceUnavailable);
  const Revision next = PutUntilAccepted("/r/b", "3");
  EXPECT_EQ(next, 3);
  EXPECT_EQ(Dump(), "a=2 b=3 ");
  std::vector<Event> events = recorder.WaitForEvents(2);
  EXPECT_EQ(*events[0].kv.value, "2");
  EXPECT_EQ(*events[1].kv.value, "3");
}

TEST_F(EmbeddedStore, AWriteThatFailedBeforeTheDiskLeavesNothing) {
  Open();
  Put("/r/a", "1").value();
  failpoints_.Arm("store.before_write");
  EXPECT_FALSE(Put("/r/a", "2").has_value());
  EXPECT_EQ(PutUntilAccepted("/r/b", "3"), 2);
  EXPECT_EQ(Dump(), "a=1 b=3 ");
}

TEST_F(EmbeddedStore, AFullFileSystemHealsWhenSpaceReturns) {
  if (geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  const std::string mount_point = directory_.path() + "/small";
  std::filesystem::create_directory(mount_point);
  ASSERT_EQ(mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=24m"), 0);
  options_.directory = mount_point + "/db";
  embedded::Hooks real;
  Result<std::unique_ptr<Store>> opened = embedded::Open(options_, real);
  ASSERT_TRUE(opened.has_value());
  store_ = *std::move(opened);
  const std::string value(100'000, 'v');
  int written = 0;
  Result<Revision> put = Revision{0};
  {
    std::ofstream filler(mount_point + "/filler");
    filler << std::string(18 << 20, 'f');
  }
  for (; put && written < 1000; ++written) put = Put(fmt::format("/r/{}", written), value);
  ASSERT_FALSE(put.has_value()) << "24 MB held more than 100 MB";
  EXPECT_EQ(put.error().reason(), Reason::kServiceUnavailable);
  EXPECT_NE(put.error().message().find("No space left on device"), std::string::npos) << put.error().message();
  std::filesystem::remove(mount_point + "/filler");
  PutUntilAccepted("/r/after", "1");
  RangeOptions options;
  options.end = "/s";
  options.count_only = true;
  // The refused write may have come back whole.
  EXPECT_GE(SyncWait(*executor_, store_->Range("/r/", options))->count, written);
  store_.reset();
  EXPECT_EQ(umount(mount_point.c_str()), 0);
}

TEST(StageGroup, DecidesInOrderAndRollsBack) {
  Index index;
  index.Set("/old", {5, 3});
  auto put = [](std::string key, Revision mod) {
    return WriteRequest{RecordType::kValue, std::move(key), std::make_shared<const std::string>("v"), {mod}};
  };
  std::vector<WriteRequest> requests;
  requests.push_back(put("/new", Precondition::kMustNotExist));
  requests.push_back(put("/new", Precondition::kMustNotExist));
  requests.push_back(put("/old", 5));
  requests.push_back(put("/old", 5));
  requests.push_back(WriteRequest{RecordType::kDeletion, "/old", nullptr, {}});
  requests.push_back(put("/old", Precondition::kMustNotExist));
  Group group = StageGroup(std::move(requests), index, 10);
  EXPECT_EQ(group.outcomes[0].value(), 11);
  EXPECT_EQ(group.outcomes[1].error().reason(), Reason::kAlreadyExists);
  EXPECT_EQ(group.outcomes[2].value(), 12);
  EXPECT_EQ(group.outcomes[3].error().reason(), Reason::kConflict);
  EXPECT_EQ(group.outcomes[4].value(), 13);
  EXPECT_EQ(group.outcomes[5].value(), 14);
  ASSERT_EQ(group.writes.size(), 4u);
  EXPECT_EQ(group.writes[1].create_revision, 3);
  EXPECT_EQ(group.writes[1].previous_revision, 5);
  EXPECT_EQ(group.writes[2].previous_revision, 12);
  EXPECT_EQ(group.writes[3].create_revision, 14);
  RollBack(group, index);
  EXPECT_EQ(index.size(), 1u);
  EXPECT_EQ(index.Find("/old")->mod, 5);
  EXPECT_EQ(index.Find("/old")->create, 3);
}

TEST(Layout, RecordsRoundTripAndOrder) {
  EXPECT_LT(DataKey("/a", 7), DataKey("/a", 6)) << "newest first";
  EXPECT_LT(DataKey("/a", 1), DataKey("/a/b", 9));
  EXPECT_LT(DataKey("/a", 1), DataKeyPast("/a"));
  EXPECT_LT(DataKeyPast("/a"), DataKey("/a-b", 1));
  EXPECT_LT(LogKey(255), LogKey(256));
  std::string key = DataKey("/a/b", 1234567890123);
  EXPECT_EQ(ParseDataKey(key)->key, "/a/b");
  EXPECT_EQ(ParseDataKey(key)->revision, 1234567890123);
  std::string log = EncodeLogRecord({RecordType::kDeletion, 4, 9, "/x"});
  EXPECT_EQ(ParseLogRecord(log)->previous_revision, 9);
  EXPECT_EQ(ParseLogRecord(log)->key, "/x");
  EXPECT_FALSE(ParseDataRecord("").has_value());
  EXPECT_FALSE(ParseDataRecord("\x07 12345678").has_value());
  EXPECT_FALSE(ParseLogRecord("\x01short").has_value());
}

// Throws at one point once, as a failed allocation does.
class ThrowAt final : public Failpoints {
 public:
  Result<void> Reach(std::string_view name) override {
    if (name == *point_.ReadLock() && left_.fetch_sub(1) > 0) throw std::bad_alloc();
    return {};
  }
  void Arm(std::string_view point) {
    *point_.Lock() = point;
    left_ = 1;
  }

 private:
  Guarded<std::string> point_;
  std::atomic<int> left_{0};
};

class EmbeddedStoreEscapes : public EmbeddedStore, public testing::WithParamInterface<const char*> {};

TEST_P(EmbeddedStoreEscapes, CostNoAcknowledgedWriteAndLeaveNoHalfState) {
  ThrowAt throws;
  store_ = *embedded::Open(options_, {&env_, &throws});
  Put("/r/kept", "1").value();
  throws.Arm(GetParam());
  Result<Revision> lost = Put("/r/lost", "1");
  Revision after = PutUntilAccepted("/r/after", "1");
  std::string state = Dump();
  EXPECT_TRUE(state == "after=1 kept=1 " || state == "after=1 kept=1 lost=1 ") << state;
  if (lost) EXPECT_NE(state.find("lost"), std::string::npos) << "what was acknowledged is there";
  Result<Revision> fresh = Put("/r/lost", "2", Precondition::kMustNotExist);
  EXPECT_EQ(fresh.has_value(), state.find("lost") == std::string::npos) << "the index says what the disk says";
  WatchRecorder recorder;
  std::unique_ptr<Watch> watch = store_->StartWatch("/r/", "/s", after + 1, recorder.Callback()).value();
  Put("/r/end", "1").value();
  EXPECT_FALSE(recorder.WaitForEvents(1).empty());
}

INSTANTIATE_TEST_SUITE_P(Points, EmbeddedStoreEscapes,
                         testing::Values("store.before_write", "store.after_write", "store.before_ack"));

TEST_F(EmbeddedStore, WhatEscapesAWatchEndsThatWatchOnly) {
  Open();
  Guarded<std::vector<std::string>> ends;
  std::unique_ptr<Watch> bad = store_
                                   ->StartWatch("/r/", "/s", 1,
                                                [&ends](Result<WatchBatch> batch) {
                                                  if (batch) throw std::bad_alloc();
                                                  ends.Lock()->push_back(std::string(ReasonName(batch.error().reason())));
                                                })
                                   .value();
  WatchRecorder good;
  std::unique_ptr<Watch> watch = store_->StartWatch("/r/", "/s", 1, good.Callback()).value();
  Put("/r/a", "1").value();
  Put("/r/b", "1").value();
  EXPECT_EQ(good.WaitForEvents(2).size(), 2u);
  EXPECT_EQ(*ends.ReadLock(), std::vector<std::string>({"ServiceUnavailable"}));
}

}  // namespace
}  // namespace sampan::store::embedded
