#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "node/volumes/atomic_writer.h"
#include "node/volumes/sub_path.h"
#include "os/file.h"
#include "os/mount.h"

namespace sampan::node {
namespace {

using namespace api::core;

const WallTime kNow = *ParseTime("2026-01-01T12:00:00Z");

class TempDir {
 public:
  TempDir() {
    char path[] = "/tmp/sampan-node-XXXXXX";
    path_ = mkdtemp(path);
  }
  ~TempDir() { (void)os::RemoveAll(path_); }
  std::string operator/(std::string_view name) const { return os::JoinPath(path_, name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(WriteVolume, SwapsTheWholeContent) {
  TempDir dir;
  ASSERT_TRUE(WriteVolume(dir.path(), {{"a", {"1"}}, {"sub/b", {"2", 0600}}}, {}, kNow));
  EXPECT_EQ(*os::ReadFile(dir / "a", os::kConfigFileLimit), "1");
  EXPECT_EQ(*os::ReadFile(dir / "sub/b", os::kConfigFileLimit), "2");
  EXPECT_EQ(*os::ReadSymlink(dir / "a"), "..data/a");
  EXPECT_EQ(os::Stat(dir / "sub/b")->mode, 0600u);
  std::string first = *os::ReadSymlink(dir / "..data");

  // The same content leaves the directory alone.
  ASSERT_TRUE(WriteVolume(dir.path(), {{"a", {"1"}}, {"sub/b", {"2", 0600}}}, {}, kNow + std::chrono::seconds(1)));
  EXPECT_EQ(*os::ReadSymlink(dir / "..data"), first);

  ASSERT_TRUE(WriteVolume(dir.path(), {{"a", {"new"}}, {"c", {"3"}}}, {}, kNow + std::chrono::seconds(2)));
  EXPECT_NE(*os::ReadSymlink(dir / "..data"), first);
  EXPECT_EQ(*os::ReadFile(dir / "a", os::kConfigFileLimit), "new");
  EXPECT_FALSE(os::Exists(dir / "sub"));
  EXPECT_FALSE(os::Exists(os::JoinPath(dir.path(), first)));
  EXPECT_EQ(os::ListDir(dir.path())->size(), 4u);  // ..data, its target, a, c
}

TEST(WriteVolume, RefusesPathsThatLeave) {
  TempDir dir;
  for (const char* path : {"../x", "/etc/x", "a/../../x", "..data", ""}) {
    EXPECT_FALSE(WriteVolume(dir.path(), {{path, {"1"}}}, {}, kNow)) << path;
  }
}

client::TypedPtr<ConfigMap> Map(std::string_view text) {
  return client::TypedPtr<ConfigMap>(*api::Object::FromBytes(std::string(text)));
}

std::string Say(const Result<std::optional<VolumePayload>>& payload) {
  if (!payload) return payload.error().message();
  std::string out;
  for (const auto& [path, file] : **payload) out += fmt::format("{}={}:{:o} ", path, file.data, file.mode);
  return out;
}

TEST(BuildPayload, Table) {
  Pod pod = *api::FromJsonText<Pod>(R"({"metadata":{"name":"web","labels":{"app":"web"}},"spec":{"containers":[]}})");
  FieldContext fields{pod, {}, {}, "node-a", nullptr};
  VolumeSources sources;
  sources.config_maps["cm"] = Map(
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cm"},"data":{"a":"1","b":"2"},"binaryData":{"z":"AAE="}})");
  sources.tokens[{"vault", 600}] = "tok";
  const std::pair<const char*, std::string> cases[] = {
      {R"({"configMap":{"name":"cm"}})", std::string("a=1:644 b=2:644 z=\0\1:644 ", 25)},
      {R"({"configMap":{"name":"cm","defaultMode":256,"items":[{"key":"a","path":"x/y"},{"key":"b","path":"b","mode":420}]}})",
       "b=2:644 x/y=1:400 "},
      {R"({"configMap":{"name":"cm","items":[{"key":"q","path":"q"}]}})", "references non-existent config key: q"},
      {R"({"configMap":{"name":"cm","optional":true,"items":[{"key":"q","path":"q"}]}})", ""},
      {R"({"configMap":{"name":"none"}})", "configmap \"none\" not found"},
      {R"({"configMap":{"name":"none","optional":true}})", ""},
      {R"({"secret":{"secretName":"none"}})", "secret \"none\" not found"},
      {R"({"downwardAPI":{"items":[{"path":"l","fieldRef":{"fieldPath":"metadata.labels"}}]}})", "l=app=\"web\":644 "},
      {R"({"projected":{"sources":[{"configMap":{"name":"cm","items":[{"key":"a","path":"a"}]}},
          {"serviceAccountToken":{"audience":"vault","expirationSeconds":600,"path":"token"}}]}})",
       "a=1:644 token=tok:644 "},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(Say(BuildPayload(*api::FromJsonText<Volume>(text), fields, sources)), expected) << text;
  }
  EXPECT_FALSE(*BuildPayload(*api::FromJsonText<Volume>(R"({"emptyDir":{}})"), fields, sources));
}

TEST(BuildPayload, OneKeyNamedOftenFillsNoMemory) {
  Pod pod = *api::FromJsonText<Pod>(R"({"metadata":{"name":"web"},"spec":{"containers":[]}})");
  pod.metadata.annotations["note"] = std::string(200000, 'a');
  FieldContext fields{pod, {}, {}, "node-a", nullptr};
  VolumeSources sources;
  sources.config_maps["cm"] =
      Map(fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"cm"}},"data":{{"a":"{}","b":""}}}})",
                      std::string(1000000, 'y')));
  auto items = [](std::string_view item, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += fmt::format(R"({}{{{},"path":"p{}"}})", i > 0 ? "," : "", item, i);
    return out;
  };
  const std::pair<std::string, bool> cases[] = {
      {R"({"configMap":{"name":"cm","items":[)" + items(R"("key":"a")", 16) + "]}}", true},
      {R"({"configMap":{"name":"cm","items":[)" + items(R"("key":"a")", 17) + "]}}", false},
      {R"({"configMap":{"name":"cm","items":[)" + items(R"("key":"b")", 4096) + "]}}", true},
      {R"({"configMap":{"name":"cm","items":[)" + items(R"("key":"b")", 4097) + "]}}", false},
      {R"({"downwardAPI":{"items":[)" + items(R"("fieldRef":{"fieldPath":"metadata.annotations"})", 100) + "]}}", false},
      {R"({"projected":{"sources":[{"configMap":{"name":"cm","items":[)" + items(R"("key":"a")", 17) + "]}}]}}", false},
  };
  for (const auto& [text, fits] : cases) {
    auto payload = BuildPayload(*api::FromJsonText<Volume>(text), fields, sources);
    EXPECT_EQ(payload.has_value(), fits) << text.substr(0, 100);
    if (payload) EXPECT_LE(ContentSize(**payload), kMostContent);
    if (!payload) EXPECT_EQ(payload.error().message(), "the pod's volumes have more than 16777216 bytes of files");
  }
}

// Mounting needs root.
class SubPath : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(os::MakeDirs(dir_ / "root"));
    ASSERT_TRUE(os::MakeDirs(dir_ / "outside"));
    ASSERT_TRUE(os::WriteFileAtomic(dir_ / "outside/secret", "secret"));
  }
  void TearDown() override { (void)os::UnmountAll(dir_.path()); }
  TempDir dir_;
};

TEST_F(SubPath, BindsAFileADirectoryAndWhatIsMissing) {
  ASSERT_TRUE(os::WriteFileAtomic(dir_ / "root/f", "text"));
  ASSERT_TRUE(BindSubPath(dir_ / "root", "f", dir_ / "t/0"));
  EXPECT_EQ(*os::ReadFile(dir_ / "t/0", os::kConfigFileLimit), "text");
  ASSERT_TRUE(BindSubPath(dir_ / "root", "new/dir", dir_ / "t/1"));
  ASSERT_TRUE(os::WriteFileAtomic(dir_ / "t/1/x", "y"));
  EXPECT_EQ(*os::ReadFile(dir_ / "root/new/dir/x", os::kConfigFileLimit), "y");
  ASSERT_TRUE(BindSubPath(dir_ / "root", "f", dir_ / "t/0"));  // again, for the next run
}

TEST_F(SubPath, LinksDoNotLeaveTheVolume) {
  ASSERT_EQ(symlink("../outside", (dir_ / "root/up").c_str()), 0);
  ASSERT_EQ(symlink((dir_ / "outside").c_str(), (dir_ / "root/abs").c_str()), 0);
  EXPECT_FALSE(BindSubPath(dir_ / "root", "up/secret/x", dir_ / "t/0") && os::Exists(dir_ / "outside/secret/x"));
  (void)BindSubPath(dir_ / "root", "up", dir_ / "t/1");
  EXPECT_FALSE(os::Exists(dir_ / "t/1/secret"));
  (void)BindSubPath(dir_ / "root", "abs", dir_ / "t/2");
  EXPECT_FALSE(os::Exists(dir_ / "t/2/secret"));
  EXPECT_FALSE(BindSubPath(dir_ / "root", "../outside", dir_ / "t/3"));
}

}  // namespace
}  // namespace sampan::node
