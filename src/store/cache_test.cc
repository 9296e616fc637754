#include "store/cache.h"

#include <gtest/gtest.h>

#include <thread>

#include "async/pool.h"
#include "async/spawn.h"
#include "store/cache_watchers.h"
#include "store/engine/embedded/test_store.h"
#include "store/keys.h"

namespace sampan::store {
namespace {

std::string PodJson(std::string_view namespace_, std::string_view name, std::string_view node, std::string_view note = "") {
  return fmt::format(R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{}","namespace":"{}","uid":"u-{}",)"
                     R"("annotations":{{"note":"{}"}}}},"spec":{{"nodeName":"{}"}}}})",
                     name, namespace_, name, note, node);
}

class CacheTest : public testing::Test {
 protected:
  CacheTest() : executor_(NewThreadPool("cache-test", 2)), under_test_(embedded::MakeTestStore()) {
    options_.resource = "pods";
    options_.indexed_fields = {"spec.nodeName"};
    StartCaches();
  }
  ~CacheTest() override { StopCaches(); }

  void StartCaches() {
    clock_ = NewSystemClock();
    caches_ = std::make_unique<CacheSet>(*under_test_.store, *executor_, *clock_);
    cache_ = caches_->Open(options_);
    ASSERT_TRUE(SyncWait(*executor_, cache_->Ready()).has_value());
  }
  void StopCaches() {
    SyncWait(*executor_, caches_->Stop());
    cache_.reset();
    caches_.reset();
  }
  Revision Put(std::string_view namespace_, std::string_view name, std::string_view node = "", std::string_view note = "") {
    return SyncWait(*executor_, under_test_.store->Put(keys::ObjectKey("", "pods", namespace_, name),
                                                       PodJson(namespace_, name, node, note), {}))
        .value();
  }
  Revision Delete(std::string_view namespace_, std::string_view name) {
    return SyncWait(*executor_, under_test_.store->Delete(keys::ObjectKey("", "pods", namespace_, name), {})).value();
  }
  static std::string Names(const ObjectView& view) {
    std::string text;
    for (const api::ObjectPtr& object : view) text += object->namespace_() + "/" + object->name() + " ";
    return text;
  }
  std::string List(CacheQuery query) { return Names(cache_->List(query).items); }
  // "+a ~b -c" until `count` events were seen; or the error's reason.
  std::string Events(Subscription& subscription, size_t count) {
    std::string text;
    while (count > 0) {
      auto next = SyncWait(*executor_, subscription.Next());
      if (!next) return text + std::string(ReasonName(next.error().reason()));
      if (!*next) return text + "end";
      for (const CacheEventPtr& event : **next) {
        const char sign = !event->old() ? '+' : event->object() ? '~' : '-';
        fmt::format_to(std::back_inserter(text), "{}{} ", sign, (event->object() ? event->object() : event->old())->name());
        if (count > 0) --count;
      }
    }
    return text;
  }

  CacheOptions options_;
  std::unique_ptr<Executor> executor_;  // outlives the store, whose threads resume coroutines on it
  StoreUnderTest under_test_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<CacheSet> caches_;
  std::shared_ptr<Cache> cache_;
};

TEST_F(CacheTest, WritesAreVisibleOnceAcknowledged) {
  const Revision revision = Put("default", "a", "n1");
  api::ObjectPtr a = cache_->Get("default", "a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->revision(), revision);
  EXPECT_NE(a->bytes().find(fmt::format(R"("resourceVersion":"{}")", revision)), std::string::npos);
  EXPECT_EQ(cache_->revision(), revision);
  Delete("default", "a");
  EXPECT_EQ(cache_->Get("default", "a"), nullptr);
  EXPECT_EQ(cache_->size(), 0u);
}

TEST_F(CacheTest, ListsSelectByNamespaceNameAndField) {
  Put("b", "x", "n1");
  Put("a", "y", "n2");
  Put("a", "x", "n1");
  Put("a-b", "z", "");
  EXPECT_EQ(List({}), "a-b/z a/x a/y b/x ") << "in the order of keys";
  EXPECT_EQ(List({.namespace_ = "a"}), "a/x a/y ");
  EXPECT_EQ(List({.namespace_ = "c"}), "");
  EXPECT_EQ(List({.namespace_ = "a", .name = "y"}), "a/y ");
  EXPECT_EQ(List({.name = "x"}), "a/x b/x ");
  EXPECT_EQ(List({.field = "spec.nodeName", .value = "n1"}), "a/x b/x ");
  EXPECT_EQ(List({.namespace_ = "b", .field = "spec.nodeName", .value = "n1"}), "b/x ");
  EXPECT_EQ(List({.field = "spec.nodeName", .value = ""}), "a-b/z ");
  Put("b", "x", "n2");
  EXPECT_EQ(List({.field = "spec.nodeName", .value = "n1"}), "a/x ");
  EXPECT_EQ(List({.field = "spec.nodeName", .value = "n2"}), "a/y b/x ");
}

TEST_F(CacheTest, ListsAreSnapshots) {
  for (int i = 0; i < 500; ++i) Put("default", fmt::format("p{:03}", i));
  CacheList list = cache_->List({});
  EXPECT_EQ(list.items.size(), 500u);
  EXPECT_EQ(list.revision, 500);
  const Revision kept = cache_->KeepSnapshot();
  for (int i = 0; i < 500; i += 2) Delete("default", fmt::format("p{:03}", i));
  EXPECT_EQ(list.items.size(), 500u);
  EXPECT_EQ(cache_->List({}).items.size(), 250u);
  EXPECT_EQ(cache_->List({.namespace_ = "default"}).items.size(), 250u);
  std::optional<CacheList> old = cache_->ListAt(kept, {.namespace_ = "default"});
  ASSERT_TRUE(old.has_value());
  EXPECT_EQ(old->items.size(), 500u);
  EXPECT_EQ((*old->items.After({"default", "p399"}).begin())->name(), "p400");
  EXPECT_EQ(old->items.After({"default", "p399"}).size(), 100u);
  EXPECT_EQ(old->items.After({"zzz", ""}).size(), 0u);
  EXPECT_FALSE(cache_->ListAt(kept - 1, {}).has_value());
}

TEST_F(CacheTest, SubscriptionsSeeWhatConcernsThem) {
  auto all = cache_->Subscribe({}, 0).value();
  auto in_a = cache_->Subscribe({.namespace_ = "a"}, 0).value();
  auto one = cache_->Subscribe({.namespace_ = "a", .name = "x"}, 0).value();
  auto node = cache_->Subscribe({.field = "spec.nodeName", .value = "n1"}, 0).value();
  Put("a", "x", "");
  Put("a", "y", "n2");
  Put("b", "x", "n1");
  Put("a", "x", "n1");
  Put("b", "x", "n2");
  Delete("a", "x");
  EXPECT_EQ(Events(*all, 6), "+x +y +x ~x ~x -x ");
  EXPECT_EQ(Events(*in_a, 4), "+x +y ~x -x ");
  EXPECT_EQ(Events(*one, 3), "+x ~x -x ");
  EXPECT_EQ(Events(*node, 4), "+x ~x ~x -x ") << "arrivals and departures of the node's pods";
}

TEST_F(CacheTest, SubscriptionsReplayRecentEvents) {
  Put("z", "z");
  const Revision first = Put("a", "x", "n1");
  Put("b", "y", "n1");
  Put("a", "x", "n2");
  EXPECT_EQ(Events(*cache_->Subscribe({}, first).value(), 2), "+y ~x ");
  EXPECT_EQ(Events(*cache_->Subscribe({.field = "spec.nodeName", .value = "n1"}, first - 1).value(), 3), "+x +y ~x ");
}

TEST_F(CacheTest, TooOldRevisionsExpire) {
  StopCaches();
  options_.event_limit = 10;
  StartCaches();
  const Revision first = Put("a", "x");
  for (int i = 0; i < 20; ++i) Put("a", "x", "", std::to_string(i));
  auto expired = cache_->Subscribe({}, first);
  ASSERT_FALSE(expired.has_value());
  EXPECT_EQ(expired.error().reason(), Reason::kExpired);
  EXPECT_TRUE(expired.error().message().starts_with("too old resource version: 1 (")) << expired.error().message();
  EXPECT_TRUE(cache_->Subscribe({}, first + 10).has_value());
}

TEST_F(CacheTest, ASlowWatcherIsDroppedAlone) {
  StopCaches();
  options_.queue_limit = 5;
  StartCaches();
  auto slow = cache_->Subscribe({}, 0).value();
  auto other = cache_->Subscribe({.name = "y"}, 0).value();
  for (int i = 0; i < 10; ++i) Put("a", "x", "", std::to_string(i));
  Put("a", "y");
  EXPECT_EQ(Events(*slow, 1), "Expired");
  EXPECT_EQ(Events(*other, 1), "+y ");
}

TEST_F(CacheTest, ProgressIsWhatNextReturned) {
  auto watch = cache_->Subscribe({.namespace_ = "a"}, 0).value();
  const Revision start = watch->Progress();
  const Revision other = Put("b", "x");
  EXPECT_EQ(watch->Progress(), other) << "nothing waits, so the cache's own";
  const Revision mine = Put("a", "x");
  EXPECT_EQ(watch->Progress(), start);
  Events(*watch, 1);
  EXPECT_GE(watch->Progress(), mine);
  watch->Stop();
  EXPECT_EQ(Events(*watch, 1), "end");
}

TEST_F(CacheTest, AWaitingNextWakes) {
  auto watch = cache_->Subscribe({}, 0).value();
  Oneshot<std::string> seen;
  std::thread reader([&] { seen.sender().Set(Events(*watch, 1)); });
  Put("a", "x");
  reader.join();
  auto wait = [](Oneshot<std::string>* done) -> Task<std::string> {
    std::string text = co_await done->Wait();
    co_return text;
  };
  EXPECT_EQ(SyncWait(*executor_, wait(&seen)), "+x ");
}

TEST_F(CacheTest, DepartedObjectsCarryTheEventsRevision) {
  auto watch = cache_->Subscribe({}, 0).value();
  Put("a", "x", "n1");
  const Revision gone = Delete("a", "x");
  Events(*watch, 1);
  auto resumed = cache_->Subscribe({}, gone - 1).value();
  auto events = SyncWait(*executor_, resumed->Next());
  const CacheEvent& event = *(**events)[0];
  EXPECT_EQ(event.object(), nullptr);
  EXPECT_EQ(event.Departed()->revision(), gone);
  EXPECT_EQ(event.Departed(), event.Departed());
  EXPECT_EQ(event.old()->revision(), gone - 1);
}

TEST_F(CacheTest, AllWatchersShareOneDepartedObject) {
  for (int round = 0; round < 200; ++round) {
    api::ObjectPtr old = api::Object::FromBytes(PodJson("a", "x", "n1")).value();
    const CacheEvent event(7, nullptr, old);
    api::ObjectPtr elsewhere;
    std::jthread other([&] { elsewhere = event.Departed(); });
    api::ObjectPtr here = event.Departed();
    other.join();
    ASSERT_EQ(here, elsewhere);
  }
}

TEST_F(CacheTest, WaitForSeesOtherResources) {
  ASSERT_TRUE(SyncWait(*executor_, under_test_.store->Put("/registry/secrets/a/b", "{}", {})));
  const Revision current = under_test_.store->current_revision();
  EXPECT_TRUE(SyncWait(*executor_, cache_->WaitFor(current, std::chrono::seconds(10))).has_value());
  Result<void> late = SyncWait(*executor_, cache_->WaitFor(current + 1, std::chrono::milliseconds(1)));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().reason(), Reason::kTimeout);
  EXPECT_EQ(late.error().message(),
            fmt::format("Timeout: Too large resource version: {}, current: {}", current + 1, current));
}

TEST_F(CacheTest, ANewCacheReplaysWhatWasBefore) {
  const Revision first = Put("a", "x", "n1");
  Put("a", "y", "n1");
  Delete("a", "x");
  StopCaches();
  StartCaches();
  EXPECT_EQ(List({}), "a/y ");
  EXPECT_EQ(Events(*cache_->Subscribe({}, first).value(), 2), "+y -x ") << "watches resume across a restart";
}

TEST_F(CacheTest, ClosingEndsWatchers) {
  auto watch = cache_->Subscribe({}, 0).value();
  caches_->Close("", "pods");
  EXPECT_EQ(Events(*watch, 1), "end");
  EXPECT_EQ(caches_->Find("", "pods"), nullptr);
  EXPECT_EQ(cache_->Subscribe({}, 0).error().reason(), Reason::kServiceUnavailable);
}

TEST_F(CacheTest, DamagedValuesAreLeftOut) {
  ASSERT_TRUE(SyncWait(*executor_, under_test_.store->Put(keys::ObjectKey("", "pods", "a", "bad"), "no json", {})));
  Put("a", "good");
  EXPECT_EQ(List({}), "a/good ");
}

TEST(CacheBytes, ResourceVersionIsSplicedIn) {
  struct Case {
    const char* before;
    const char* after;
  };
  const Case cases[] = {
      {R"({"kind":"X","metadata":{"name":"a"}})", R"({"kind":"X","metadata":{"resourceVersion":"7","name":"a"}})"},
      {R"({"metadata":{}})", R"({"metadata":{"resourceVersion":"7"}})"},
      {R"({"metadata":{ }})", R"({"metadata":{"resourceVersion":"7" }})"},
      {R"({"spec":{"metadata":{"a":1}},"metadata":{"name":"{\"}"},"x":[1]})",
       R"({"spec":{"metadata":{"a":1}},"metadata":{"resourceVersion":"7","name":"{\"}"},"x":[1]})"},
      {R"({"metadata":{"name":"a","resourceVersion":"123"}})", R"({"metadata":{"name":"a","resourceVersion":"7"}})"},
      {R"({"metadata":[]})", nullptr},
      {R"({"kind":"X"})", nullptr},
      {R"([])", nullptr},
      {R"({"metadata":{"name)", nullptr},
      {"", nullptr},
  };
  for (const Case& one : cases) {
    Result<std::string> after = WithResourceVersion(one.before, 7);
    EXPECT_EQ(after.has_value(), one.after != nullptr) << one.before;
    if (after && one.after) EXPECT_EQ(*after, one.after);
  }
}

TEST(CacheBytes, StringsAreFoundByPath) {
  const char* text = R"({"a":{"b":"x\"y","n":1},"spec":{"nodeName":"n1","deep":{"er":"z"}},"type":"T"})";
  EXPECT_EQ(StringAt(text, "spec.nodeName"), "n1");
  EXPECT_EQ(StringAt(text, "spec.deep.er"), "z");
  EXPECT_EQ(StringAt(text, "a.b"), "x\"y");
  EXPECT_EQ(StringAt(text, "a.n"), "");
  EXPECT_EQ(StringAt(text, "type"), "T");
  EXPECT_EQ(StringAt(text, "type.x"), "");
  EXPECT_EQ(StringAt(text, "none"), "");
  EXPECT_EQ(StringAt("[]", "a"), "");
}

TEST(Keys, AreBuiltAndTakenApart) {
  EXPECT_EQ(keys::ObjectKey("apps", "deployments", "default", "web"), "/registry/apps/deployments/default/web");
  EXPECT_EQ(keys::ObjectKey("", "nodes", "", "n1"), "/registry/nodes/n1");
  EXPECT_EQ(keys::NamespacePrefix("", "pods", "a"), "/registry/pods/a/");
  EXPECT_EQ(keys::PrefixEnd("/r/a/"), "/r/a0");
  EXPECT_EQ(keys::PrefixEnd("a\xff"), "b");
  auto id = keys::ParseObject("/registry/pods/a/b", "/registry/pods/");
  EXPECT_EQ(id->namespace_, "a");
  EXPECT_EQ(id->name, "b");
  EXPECT_EQ(keys::ParseObject("/registry/nodes/n1", "/registry/nodes/")->name, "n1");
  for (const char* bad : {"/registry/pods/", "/registry/pods/a/", "/registry/pods//a", "/registry/pods/a/b/c", "/x"}) {
    EXPECT_FALSE(keys::ParseObject(bad, "/registry/pods/").has_value()) << bad;
  }
}

TEST(Keys, CompareOrdersAsBytesDo) {
  const keys::ObjectId ids[] = {{"", "a"},    {"", "b"},   {"a", ""},    {"a", "x"},  {"a", "x-y"},
                                {"a-b", "x"}, {"ab", "x"}, {"a.b", "x"}, {"a0", "x"}, {"b", "a"}};
  auto text = [](const keys::ObjectId& id) {
    return std::string(id.namespace_) + (id.namespace_.empty() ? "" : "/") + std::string(id.name);
  };
  for (const auto& a : ids) {
    for (const auto& b : ids) {
      if (a.namespace_.empty() != b.namespace_.empty()) continue;  // a resource has one scope
      int order = keys::Compare(a, b), bytes = text(a).compare(text(b));
      EXPECT_EQ(order < 0, bytes < 0) << text(a) << " " << text(b);
      EXPECT_EQ(order == 0, bytes == 0) << text(a) << " " << text(b);
    }
  }
}

TEST_F(CacheTest, AWatcherThatNeverReadsKeepsNoMoreThanTheHistory) {
  StopCaches();
  options_.event_bytes = 4096;
  StartCaches();
  auto idle = cache_->Subscribe({.name = "x"}, 0).value();
  auto reads = cache_->Subscribe({.name = "x"}, 0).value();
  const std::string note(500, 'n');
  Put("a", "x", "", note);
  EXPECT_EQ(Events(*reads, 1), "+x ");
  // Its one event is long forgotten, and only the watcher keeps it.
  for (int i = 0; i < 40; ++i) Put("a", "y", "", note + std::to_string(i));
  EXPECT_EQ(Events(*idle, 1), "Expired");
  Put("a", "x", "", note);
  EXPECT_EQ(Events(*reads, 1), "~x ");
}

TEST(Watchers, ThatAreManyHaveShorterQueues) {
  constexpr size_t kMany = 20'000, kEvents = 300;
  detail::Watchers watchers({}, 8192);
  EXPECT_EQ(watchers.limit(), 8192u);
  std::vector<std::shared_ptr<detail::WatcherQueue>> queues;
  for (size_t i = 0; i < kMany; ++i) {
    queues.push_back(std::make_shared<detail::WatcherQueue>(CacheQuery{}, 0));
    watchers.Add(queues.back());
  }
  EXPECT_LE(watchers.limit() * kMany, size_t{6} << 20);
  api::ObjectPtr object = api::Object::FromBytes(PodJson("a", "x", "")).value();
  for (size_t i = 1; i <= kEvents; ++i) {
    watchers.Publish(std::make_shared<const CacheEvent>(static_cast<Revision>(i), object, nullptr), {}, {});
  }
  auto next = [](detail::WatcherQueue* queue) -> Task<bool> {
    auto item = co_await queue->Next();
    co_return item.has_value();
  };
  auto pool = NewThreadPool("test", 1);
  EXPECT_FALSE(SyncWait(*pool, next(queues.front().get()))) << "dropped, and its events with it";
}

}  // namespace
}  // namespace sampan::store
