#include "store/sorted_objects.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "base/guarded.h"
#include "base/rng.h"

namespace sampan::store {
namespace {

api::ObjectPtr Make(std::string_view namespace_, std::string_view name) {
  return api::Object::FromBytes(
             fmt::format(R"({{"kind":"X","metadata":{{"name":"{}","namespace":"{}","resourceVersion":"1"}}}})", name,
                         namespace_))
      .value();
}

std::vector<std::string> Keys(const ObjectView& view) {
  std::vector<std::string> keys;
  for (const api::ObjectPtr& object : view) keys.push_back(object->namespace_() + "/" + object->name());
  return keys;
}

std::vector<std::string> Keys(const std::map<std::string, api::ObjectPtr>& model) {
  std::vector<std::string> keys;
  for (const auto& [key, object] : model) keys.push_back(key);
  return keys;
}

// Random changes beside an ordered map; snapshots taken on the way must not move.
TEST(SortedObjects, AgreesWithAMap) {
  std::unique_ptr<Rng> rng = NewSeededRng(7);
  SortedObjects objects;
  std::map<std::string, api::ObjectPtr> model;
  std::vector<std::pair<ObjectView, std::vector<std::string>>> snapshots;
  for (int step = 0; step < 6000; ++step) {
    const std::string namespace_ = fmt::format("n{}", rng->Below(3)), name = fmt::format("o-{}", rng->Below(900));
    const std::string key = namespace_ + "/" + name;
    if (rng->Below(3) != 0) {
      api::ObjectPtr object = Make(namespace_, name);
      api::ObjectPtr before = objects.Put(object);
      EXPECT_EQ(before, model[key]);
      model[key] = std::move(object);
    } else {
      auto found = model.find(key);
      EXPECT_EQ(objects.Erase({namespace_, name}), found == model.end() ? nullptr : found->second);
      if (found != model.end()) model.erase(found);
    }
    ASSERT_EQ(objects.size(), model.size());
    if (step % 1000 == 999) snapshots.emplace_back(objects.Snapshot(), Keys(model));
  }
  EXPECT_EQ(Keys(objects.Snapshot()), Keys(model));
  for (const auto& [view, keys] : snapshots) {
    EXPECT_EQ(Keys(view), keys);
    EXPECT_EQ(view.size(), keys.size());
    std::vector<std::string> parts;
    for (const char* namespace_ : {"n0", "n1", "n2", "n3"}) {
      for (std::string& key : Keys(view.InNamespace(namespace_))) parts.push_back(std::move(key));
    }
    EXPECT_EQ(parts, keys);
    const ObjectView tail = view.After({"n1", "o-5"});
    EXPECT_EQ(tail.size(), static_cast<size_t>(keys.end() - std::upper_bound(keys.begin(), keys.end(), "n1/o-5")));
  }
}

TEST(SortedObjects, EmptyOnes) {
  SortedObjects objects;
  EXPECT_TRUE(objects.Snapshot().empty());
  EXPECT_EQ(objects.Erase({"a", "b"}), nullptr);
  EXPECT_EQ(objects.Snapshot().Find({"a", "b"}), nullptr);
  EXPECT_EQ(ObjectView().InNamespace("a").size(), 0u);
  objects.Put(Make("a", "b"));
  objects.Erase({"a", "b"});
  EXPECT_TRUE(objects.Snapshot().empty());
}

// What a reader did with a snapshot is over when its blocks are written again; ThreadSanitizer judges.
TEST(SortedObjects, SnapshotsAreReadBesideWrites) {
  Guarded<SortedObjects> objects;
  std::jthread reader([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      ObjectView view = objects.ReadLock()->Snapshot();
      EXPECT_TRUE(std::ranges::is_sorted(Keys(view)));
    }
  });
  for (int i = 0; i < 2000; ++i) objects.Lock()->Put(Make("n", fmt::format("o-{:03}", i * 7 % 500)));
  for (int i = 0; i < 500; ++i) objects.Lock()->Erase({"n", fmt::format("o-{:03}", i)});
  EXPECT_EQ(objects.ReadLock()->size(), 0u);
}

}  // namespace
}  // namespace sampan::store
