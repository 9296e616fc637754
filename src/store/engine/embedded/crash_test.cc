// Kills a writing process at named points and at arbitrary moments, opens what it left and compares it with what the
// process was told: every acknowledged write is there, no half write, revisions go on. Each round continues on the data
// of the round before. SAMPAN_CRASH_ROUNDS sets their number (tests run few, nightly runs thousands).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "async/pool.h"
#include "async/spawn.h"
#include "base/rng.h"
#include "store/engine/embedded/engine.h"
#include "store/engine/embedded/test_store.h"

namespace sampan::store::embedded {
namespace {

constexpr int kWriters = 8;
constexpr int kKeys = 6;      // of each writer
constexpr int kReportFd = 3;  // the child's end of the pipe
constexpr uint64_t kCompactEvery = 16;

// Everything a writer does follows from its number and the step's.
struct Step {
  std::string key;
  std::string value;  // empty: a deletion
};

Step StepOf(int writer, uint64_t sequence) {
  uint64_t mix = (sequence + 1) * 0x9e3779b97f4a7c15ULL ^ static_cast<uint64_t>(writer) * 0xbf58476d1ce4e5b9ULL;
  mix ^= mix >> 29;
  Step step{fmt::format("/r/{}/{}", writer, mix % kKeys), ""};
  if (mix / 8 % 4 != 0) {
    step.value = fmt::format("{}:{}:", writer, sequence);
    step.value.append(mix / 64 % 3000, static_cast<char>('a' + sequence % 26));
  }
  return step;
}

class KillAt final : public Failpoints {
 public:
  KillAt(std::string point, int hits) : point_(std::move(point)), hits_(hits) {}
  Result<void> Reach(std::string_view name) override {
    if (name == point_ && --hits_ == 0) kill(getpid(), SIGKILL);
    return {};
  }

 private:
  const std::string point_;
  std::atomic<int> hits_;
};

// Writes until it is killed; reports "<writer> <sequence> <revision>" once a step is acknowledged, revision 0 for the
// deletion of what was absent.
Task<void> WriteForever(Store* store, int writer, uint64_t sequence) {
  while (true) {
    Step step = StepOf(writer, sequence);
    Result<Revision> done = Revision{0};
    if (step.value.empty()) {
      done = co_await store->Delete(step.key, {});
      if (!done && done.error().Is(Reason::kNotFound)) done = Revision{0};
    } else {
      done = co_await store->Put(step.key, step.value, {});
    }
    CHECK(done.has_value());
    std::string line = fmt::format("{} {} {}\n", writer, sequence, *done);
    CHECK(write(kReportFd, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    if (writer == 0 && ++sequence % kCompactEvery == 0) {
      Result<void> compacted = co_await store->Compact(store->current_revision() - 10);
      CHECK(compacted.has_value());
    } else if (writer != 0) {
      ++sequence;
    }
  }
}

// The child's side, started by the parent with the environment that it reads.
TEST(CrashChild, Write) {
  const char* directory = getenv("SAMPAN_CRASH_DIRECTORY");
  if (directory == nullptr) return;  // not a child
  KillAt failpoints(getenv("SAMPAN_CRASH_POINT"), atoi(getenv("SAMPAN_CRASH_HITS")));
  EmbeddedOptions options;
  options.directory = directory;
  options.write_buffer_bytes = 128 << 10;  // flushes and compactions happen, too
  std::unique_ptr<Store> store = Open(options, {nullptr, &failpoints}).value();
  std::unique_ptr<Executor> executor = NewThreadPool("writers", 2);
  std::string starts = getenv("SAMPAN_CRASH_SEQUENCES");
  std::vector<Task<void>> writers;
  char* rest = starts.data();
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.push_back(WriteForever(store.get(), writer, strtoull(rest, &rest, 10)));
  }
  SyncWait(*executor, WhenAll(std::move(writers)));
}

// What the parent knows of the data.
struct Model {
  std::map<std::string, std::string> acknowledged;  // absent: deleted or never written
  std::array<uint64_t, kWriters> next{};            // the step that is next, or was under way
  Revision revision = 0;
};

struct Crash {
  std::string point;  // empty: killed from outside
  int hits = 0;
  int reports = 0;  // to wait for before the kill from outside
};

class CrashTest : public testing::Test {
 protected:
  // Runs the child until it dies; the model then holds what it acknowledged.
  void RunChild(const Crash& crash) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    std::string sequences;
    for (uint64_t next : model_.next) sequences += std::to_string(next) + " ";
    std::string environment[] = {"SAMPAN_CRASH_DIRECTORY=" + path(), "SAMPAN_CRASH_POINT=" + crash.point,
                                 fmt::format("SAMPAN_CRASH_HITS={}", crash.hits), "SAMPAN_CRASH_SEQUENCES=" + sequences};
    std::vector<char*> envp;
    for (std::string& entry : environment) envp.push_back(entry.data());
    envp.push_back(nullptr);
    std::string arguments[] = {"store_test", "--gtest_filter=CrashChild.*", "--gtest_brief=1"};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], kReportFd);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    ASSERT_EQ(posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), envp.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE* reports = fdopen(ends[0], "r");
    int writer = 0, seen = 0;
    unsigned long long sequence = 0;
    long long revision = 0;
    while (fscanf(reports, "%d %llu %lld\n", &writer, &sequence, &revision) == 3) {
      Acknowledge(writer, sequence, revision);
      if (crash.point.empty() && ++seen == crash.reports) kill(child, SIGKILL);
    }
    fclose(reports);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "status " << status;
  }

  void Acknowledge(int writer, uint64_t sequence, Revision revision) {
    ASSERT_EQ(sequence, model_.next[static_cast<size_t>(writer)]);
    model_.next[static_cast<size_t>(writer)] = sequence + 1;
    Step step = StepOf(writer, sequence);
    if (step.value.empty()) {
      model_.acknowledged.erase(step.key);
    } else {
      model_.acknowledged[step.key] = step.value;
    }
    model_.revision = std::max(model_.revision, revision);
  }

  // Opens what the child left. For each writer one step may have been under way: it happened wholly or not at all.
  void Verify() {
    EmbeddedOptions options;
    options.directory = path();
    Result<std::unique_ptr<Store>> store = Open(options, {});
    ASSERT_TRUE(store.has_value()) << store.error().message();
    EXPECT_GE((*store)->current_revision(), model_.revision);
    RangeOptions range_options;
    range_options.end = "/s";
    RangeResult range = SyncWait(*executor_, (*store)->Range("/r/", range_options)).value();
    std::map<std::string, std::string> found;
    for (const KeyValue& kv : range.kvs) {
      found[kv.key] = *kv.value;
      EXPECT_LE(kv.mod_revision, (*store)->current_revision());
      EXPECT_LE(kv.create_revision, kv.mod_revision);
    }
    for (int writer = 0; writer < kWriters; ++writer) {
      Step pending = StepOf(writer, model_.next[static_cast<size_t>(writer)]);
      std::string is = found.contains(pending.key) ? found[pending.key] : "";
      std::string was = model_.acknowledged.contains(pending.key) ? model_.acknowledged[pending.key] : "";
      if (is == pending.value) {
        // It happened; it is done again next round, which changes nothing that the model can see.
        if (pending.value.empty()) model_.acknowledged.erase(pending.key);
        if (!pending.value.empty()) model_.acknowledged[pending.key] = pending.value;
      } else {
        EXPECT_EQ(is, was) << "half a write to " << pending.key;
      }
    }
    EXPECT_EQ(found, model_.acknowledged);
    model_.revision = (*store)->current_revision();
  }

  std::string path() const { return directory_.path() + "/db"; }

  TempDirectory directory_;
  std::unique_ptr<Executor> executor_ = NewThreadPool("crash-test", 1);
  Model model_;
};

TEST_F(CrashTest, NothingAcknowledgedIsLost) {
  const char* wanted = getenv("SAMPAN_CRASH_ROUNDS");
  const int rounds = wanted == nullptr ? 60 : atoi(wanted);
  const char* points[] = {
      "", "store.before_write", "store.after_write", "store.before_ack", "store.before_compact", "store.after_compact"};
  std::unique_ptr<Rng> rng = NewSystemRng();
  const uint64_t seed = rng->Next();
  std::unique_ptr<Rng> choices = NewSeededRng(seed);
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    Crash crash;
    crash.point = points[choices->Below(std::size(points))];
    const bool compaction = crash.point.ends_with("compact");
    crash.hits = 1 + static_cast<int>(choices->Below(compaction ? 2 : 40));
    crash.reports = 1 + static_cast<int>(choices->Below(200));
    SCOPED_TRACE(
        fmt::format("seed {} round {}: '{}' hit {} reports {}", seed, round, crash.point, crash.hits, crash.reports));
    RunChild(crash);
    if (!HasFatalFailure()) Verify();
  }
}

}  // namespace
}  // namespace sampan::store::embedded
