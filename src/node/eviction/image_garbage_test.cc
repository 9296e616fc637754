#include "node/eviction/image_garbage.h"

#include <gtest/gtest.h>

#include "node/images/pause_image.h"

namespace sampan::node {
namespace {

using std::chrono::minutes;

const WallTime kNow = *ParseTime("2026-01-01T12:00:00Z");

cri::Image ImageOf(std::string id, std::vector<std::string> tags = {}, bool pulled = true) {
  cri::Image image{.id = std::move(id), .tags = std::move(tags), .size_bytes = 100};
  if (pulled) image.digests = {"registry/" + image.id + "@sha256:0"};
  return image;
}

TEST(ImageGarbage, RemovesTheLeastRecentlyUsedFirst) {
  const std::vector<cri::Image> images = {ImageOf("recent"),
                                          ImageOf("old"),
                                          ImageOf("used"),
                                          ImageOf("new"),
                                          ImageOf("imported", {}, false),
                                          ImageOf("pause", {std::string(kPauseImage)})};
  ImageUses uses;
  for (const cri::Image& image : images) uses[image.id] = {kNow - minutes(60), kNow - minutes(50)};
  uses["recent"].last_used = kNow - minutes(10);
  uses["used"].last_used = kNow;
  uses["new"].first_seen = kNow - minutes(1);
  EXPECT_EQ(PlanImageRemoval(uses, images, 0, kNow), std::vector<std::string>{});
  EXPECT_EQ(PlanImageRemoval(uses, images, 100, kNow), std::vector<std::string>{"old"});
  EXPECT_EQ(PlanImageRemoval(uses, images, 5000, kNow), (std::vector<std::string>{"old", "recent"}));
}

TEST(ImageGarbage, NotesWhatIsUsed) {
  const std::vector<cri::Image> images = {ImageOf("a", {"web:1"}), ImageOf("b", {"db:1"}), ImageOf("c")};
  cri::Container by_tag, by_id;
  by_tag.image = "web:1";
  by_id.image_ref = "c";
  ImageUses uses;
  uses["gone"] = {kNow, kNow};
  NoteImageUses(uses, images, std::vector<cri::Container>{by_tag, by_id}, kNow);
  ASSERT_EQ(uses.size(), 3u);
  EXPECT_EQ(uses["a"].last_used, kNow);
  EXPECT_NE(uses["b"].last_used, kNow);
  EXPECT_EQ(uses["c"].last_used, kNow);
  NoteImageUses(uses, images, {}, kNow + minutes(5));
  EXPECT_EQ(uses["a"].last_used, kNow);
  EXPECT_EQ(uses["a"].first_seen, kNow);
}

TEST(ImageGarbage, BeginsAboveTheHighMark) {
  EXPECT_EQ(ImageBytesToFree(1000, 200), 0);
  EXPECT_EQ(ImageBytesToFree(1000, 150), 50);
  EXPECT_EQ(ImageBytesToFree(1000, 0), 200);
}

}  // namespace
}  // namespace sampan::node
