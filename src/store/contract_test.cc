#include "store/contract_test.h"

#include "store/engine/embedded/test_store.h"
#include "store/keys.h"

namespace sampan::store {

void WatchRecorder::Add(Result<WatchBatch> batch) {
  std::lock_guard lock(mutex_);
  if (batch) {
    EXPECT_GE(batch->revision, revision_);
    revision_ = batch->revision;
    for (Event& event : batch->events) {
      EXPECT_LE(event.kv.mod_revision, revision_);
      if (!events_.empty()) EXPECT_GT(event.kv.mod_revision, events_.back().kv.mod_revision);
      events_.push_back(std::move(event));
    }
  } else {
    error_ = batch.error();
  }
  changed_.notify_all();
}

std::vector<Event> WatchRecorder::WaitForEvents(size_t count) {
  std::unique_lock lock(mutex_);
  bool came = changed_.wait_for(lock, std::chrono::seconds(20), [&] { return events_.size() >= count || error_; });
  EXPECT_TRUE(came) << events_.size() << " of " << count << " events";
  return events_;
}

Error WatchRecorder::WaitForError() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(20), [&] { return error_.has_value(); });
  return error_.value_or(Error::InternalError("no error came"));
}

void WatchRecorder::WaitForRevision(Revision revision) {
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return revision_ >= revision; }));
}

std::string StoreContract::Dump(std::string prefix, Revision revision) {
  RangeOptions options;
  options.end = keys::PrefixEnd(prefix);
  options.revision = revision;
  Result<RangeResult> range = Range(prefix, options);
  if (!range) return std::string(ReasonName(range.error().reason()));
  std::string text;
  for (const KeyValue& kv : range->kvs) {
    fmt::format_to(std::back_inserter(text), "{}{}={}", text.empty() ? "" : " ", kv.key.substr(prefix.size()), *kv.value);
  }
  return text;
}

TEST_P(StoreContract, EverySuccessfulWriteTakesTheNextRevision) {
  const Revision start = store().current_revision();
  EXPECT_EQ(Put("/r/a", "1").value(), start + 1);
  EXPECT_EQ(Put("/r/b", "2").value(), start + 2);
  EXPECT_EQ(Put("/r/a", "3").value(), start + 3);
  EXPECT_EQ(Delete("/r/b").value(), start + 4);
  EXPECT_EQ(store().current_revision(), start + 4);
  Result<RangeResult> a = Range("/r/a");
  ASSERT_EQ(a->kvs.size(), 1u);
  EXPECT_EQ(*a->kvs[0].value, "3");
  EXPECT_EQ(a->kvs[0].create_revision, start + 1);
  EXPECT_EQ(a->kvs[0].mod_revision, start + 3);
  EXPECT_EQ(a->revision, start + 4);
  EXPECT_TRUE(Range("/r/b")->kvs.empty());
}

TEST_P(StoreContract, PreconditionsDecide) {
  const Revision made = Put("/r/a", "1", Precondition::kMustNotExist).value();
  struct Case {
    const char* what;
    Result<Revision> result;
    Reason reason;
  };
  const Case cases[] = {
      {"create what exists", Put("/r/a", "2", Precondition::kMustNotExist), Reason::kAlreadyExists},
      {"update an old revision", Put("/r/a", "2", made - 1 == 0 ? made + 100 : made - 1), Reason::kConflict},
      {"update what is absent", Put("/r/none", "2", made), Reason::kNotFound},
      {"delete an old revision", Delete("/r/a", made + 100), Reason::kConflict},
      {"delete what is absent", Delete("/r/none"), Reason::kNotFound},
      {"delete what is absent at a revision", Delete("/r/none", made), Reason::kNotFound},
  };
  for (const Case& one : cases) {
    ASSERT_FALSE(one.result.has_value()) << one.what;
    EXPECT_EQ(one.result.error().reason(), one.reason) << one.what;
  }
  EXPECT_EQ(store().current_revision(), made) << "refused writes take no revision";
  EXPECT_EQ(Dump("/r/"), "a=1");
  EXPECT_TRUE(Put("/r/a", "2", made).has_value());
  EXPECT_TRUE(Delete("/r/a", made + 1).has_value());
  EXPECT_TRUE(Put("/r/a", "3", Precondition::kMustNotExist).has_value());
}

TEST_P(StoreContract, RangesAreOrderedAndHalfOpen) {
  for (const char* key : {"/r/b", "/r/a/x", "/r/a", "/r/c", "/s/a", "/r/a-x"}) ASSERT_TRUE(Put(key, "v"));
  EXPECT_EQ(Dump("/r/"), "a=v a-x=v a/x=v b=v c=v");
  RangeOptions options;
  options.end = "/r/c";
  EXPECT_EQ(Range("/r/a/", options)->kvs.size(), 2u);
  EXPECT_EQ(Range("/r/a")->kvs.size(), 1u) << "without an end, the key alone";
  options.end = keys::PrefixEnd("/r/");
  options.limit = 2;
  Result<RangeResult> page = Range("/r/", options);
  EXPECT_EQ(page->kvs.size(), 2u);
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->count, 5);
  options.limit = 5;
  EXPECT_FALSE(Range("/r/", options)->more);
  options.limit = 0;
  options.count_only = true;
  EXPECT_EQ(Range("/r/", options)->count, 5);
  EXPECT_TRUE(Range("/r/", options)->kvs.empty());
}

TEST_P(StoreContract, ReadsAtARevisionSeeWhatWasTrueThen) {
  const Revision r1 = Put("/r/a", "1").value();
  const Revision r2 = Put("/r/b", "1").value();
  const Revision r3 = Put("/r/a", "2").value();
  const Revision r4 = Delete("/r/b").value();
  const Revision r5 = Put("/r/b", "3").value();
  EXPECT_EQ(Dump("/r/", r1), "a=1");
  EXPECT_EQ(Dump("/r/", r2), "a=1 b=1");
  EXPECT_EQ(Dump("/r/", r3), "a=2 b=1");
  EXPECT_EQ(Dump("/r/", r4), "a=2");
  EXPECT_EQ(Dump("/r/", r5), "a=2 b=3");
  EXPECT_EQ(Dump("/r/", r5 + 1), "BadRequest") << "the future";
}

TEST_P(StoreContract, ManyVersionsOfOneKeyDoNotHideItsNeighbours) {
  Revision middle = 0;
  ASSERT_TRUE(Put("/r/a", "a"));
  for (int i = 0; i < 50; ++i) {
    Revision revision = Put("/r/b", std::to_string(i)).value();
    if (i == 25) middle = revision;
  }
  ASSERT_TRUE(Put("/r/c", "c"));
  EXPECT_EQ(Dump("/r/"), "a=a b=49 c=c");
  EXPECT_EQ(Dump("/r/", middle), "a=a b=25");
}

TEST_P(StoreContract, CompactionForgetsOlderStatesOnly) {
  ASSERT_TRUE(Put("/r/a", "1"));
  ASSERT_TRUE(Put("/r/gone", "1"));
  ASSERT_TRUE(Delete("/r/gone"));
  const Revision r = Put("/r/a", "2").value();
  const Revision last = Put("/r/a", "3").value();
  ASSERT_TRUE(Wait(store().Compact(r)));
  EXPECT_EQ(store().compact_revision(), r);
  EXPECT_EQ(Dump("/r/", r - 1), "Expired");
  EXPECT_EQ(Dump("/r/", r), "a=2");
  EXPECT_EQ(Dump("/r/"), "a=3");
  EXPECT_TRUE(Wait(store().Compact(r))) << "again is no error";
  EXPECT_EQ(Wait(store().Compact(last + 1)).error().reason(), Reason::kBadRequest);
  WatchRecorder recorder;
  Result<std::unique_ptr<Watch>> watch = store().StartWatch("/r/", "/r0", r - 1, recorder.Callback());
  EXPECT_EQ(watch ? recorder.WaitForError().reason() : watch.error().reason(), Reason::kExpired);
  ASSERT_TRUE(Wait(store().Compact(last)));
  EXPECT_EQ(Dump("/r/"), "a=3");
  EXPECT_TRUE(Put("/r/a", "4", last)) << "preconditions outlive compaction";
}

TEST_P(StoreContract, WatchesReplayAndFollowInOrder) {
  const Revision first = Put("/r/a", "1").value();
  ASSERT_TRUE(Put("/s/a", "other"));
  ASSERT_TRUE(Put("/r/b", "2"));
  WatchRecorder recorder, later;
  std::unique_ptr<Watch> watch = store().StartWatch("/r/", "/r0", first, recorder.Callback()).value();
  std::unique_ptr<Watch> from_now = store().StartWatch("/r/", "/r0", 0, later.Callback()).value();
  ASSERT_TRUE(Delete("/r/a"));
  ASSERT_TRUE(Put("/r/b", "3"));
  std::vector<Event> events = recorder.WaitForEvents(4);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].kv.mod_revision, first);
  EXPECT_EQ(events[0].kv.create_revision, first);
  EXPECT_EQ(*events[1].kv.value, "2");
  EXPECT_EQ(events[2].type, Event::Type::kDelete);
  EXPECT_EQ(events[2].kv.key, "/r/a");
  EXPECT_EQ(events[2].kv.value, nullptr);
  EXPECT_EQ(events[3].kv.create_revision, first + 2);
  EXPECT_EQ(later.WaitForEvents(2).size(), 2u);
}

TEST_P(StoreContract, AWatchOfTheFutureBeginsThere) {
  const Revision now = Put("/r/a", "1").value();
  WatchRecorder recorder;
  std::unique_ptr<Watch> watch = store().StartWatch("/r/", "/r0", now + 2, recorder.Callback()).value();
  ASSERT_TRUE(Put("/r/a", "2"));
  ASSERT_TRUE(Put("/r/a", "3"));
  std::vector<Event> events = recorder.WaitForEvents(1);
  EXPECT_EQ(events[0].kv.mod_revision, now + 2);
}

TEST_P(StoreContract, ProgressMovesWithOtherKeys) {
  ASSERT_TRUE(Put("/r/a", "1"));
  WatchRecorder recorder;
  std::unique_ptr<Watch> watch = store().StartWatch("/r/", "/r0", 0, recorder.Callback()).value();
  const Revision other = Put("/s/a", "1").value();
  watch->RequestProgress();
  ASSERT_TRUE(Put("/s/a", "2"));
  recorder.WaitForRevision(other);
  EXPECT_GE(watch->Delivered(), other);
  EXPECT_TRUE(recorder.WaitForEvents(0).empty());
}

TEST_P(StoreContract, NoCallbackAfterTheWatchIsGone) {
  auto calls = std::make_shared<std::atomic<int>>(0);
  std::unique_ptr<Watch> watch = store().StartWatch("/r/", "/r0", 0, [calls](Result<WatchBatch>) { ++*calls; }).value();
  ASSERT_TRUE(Put("/r/a", "1"));
  watch.reset();
  const int before = *calls;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Put("/r/a", "2"));
  EXPECT_EQ(*calls, before);
}

namespace {

Task<Result<Revision>> Increment(Store* store, std::string key, int times) {
  Result<Revision> last = Revision{0};
  for (int done = 0; done < times;) {
    CO_TRY(RangeResult now, co_await store->Range(key, {}));
    const int value = now.kvs.empty() ? 0 : std::stoi(*now.kvs[0].value);
    const Revision expected = now.kvs.empty() ? Precondition::kMustNotExist : now.kvs[0].mod_revision;
    last = co_await store->Put(key, std::to_string(value + 1), {expected});
    if (last) {
      ++done;
    } else if (!last.error().Is(Reason::kConflict) && !last.error().Is(Reason::kAlreadyExists)) {
      co_return last;
    }
  }
  co_return last;
}

}  // namespace

TEST_P(StoreContract, ConcurrentCompareAndSwapLosesNothing) {
  constexpr int kWriters = 16, kTimes = 25;
  WatchRecorder recorder;
  std::unique_ptr<Watch> watch = store().StartWatch("/r/counter", "", 0, recorder.Callback()).value();
  std::vector<Task<Result<Revision>>> tasks;
  for (int i = 0; i < kWriters; ++i) tasks.push_back(Increment(&store(), "/r/counter", kTimes));
  for (Result<Revision>& result : Wait(WhenAll(std::move(tasks)))) EXPECT_TRUE(result.has_value());
  EXPECT_EQ(Dump("/r/"), fmt::format("counter={}", kWriters * kTimes));
  std::vector<Event> events = recorder.WaitForEvents(kWriters * kTimes);
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(*events[i].kv.value, std::to_string(i + 1));
}

TEST_P(StoreContract, MalformedKeysAreRefused) {
  EXPECT_EQ(Put("", "v").error().reason(), Reason::kBadRequest);
  EXPECT_EQ(Put(std::string("/r/a\0b", 6), "v").error().reason(), Reason::kBadRequest);
}

INSTANTIATE_TEST_SUITE_P(Embedded, StoreContract, testing::Values(&embedded::MakeTestStore),
                         [](const auto&) { return std::string("Default"); });

}  // namespace sampan::store
