// sampan-cri-load --endpoint SOCKET --image NAME [--count 50] [--parallel 50] [--cgroup-parent PATH]
//
// Makes pods with nothing but calls of the Container Runtime Interface: sandbox, container, start, as the node agent asks
// for them, without an API server, an agent or kubectl. What that takes is the least that a pod can take; it prints one JSON
// object and removes the pods again.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "async/pool.h"
#include "async/spawn.h"
#include "node/cri/operation_stats.h"
#include "node/cri/runtime.h"

namespace sampan {
namespace {

using Seconds = std::chrono::duration<double>;
using SteadyClock = std::chrono::steady_clock;

struct Arguments {
  std::string endpoint, image, cgroup_parent;
  size_t count = 50;
  size_t parallel = 50;
};

struct Times {
  double sandbox = 0, create = 0, start = 0;  // seconds
};

struct Run {
  const Arguments& arguments;
  cri::Runtime& runtime;
  std::string directory;
  SteadyClock::time_point began;
  size_t next = 0;
  std::vector<std::string> sandboxes;
  std::vector<Times> times;
};

cri::SandboxConfig SandboxOf(const Run& run, size_t number) {
  cri::SandboxConfig config;
  config.name = "cri-load-" + std::to_string(number);
  config.uid = std::to_string(getpid()) + "-" + std::to_string(number);
  config.namespace_ = "default";
  config.hostname = config.name;
  config.log_directory = run.directory;
  config.cgroup_parent = run.arguments.cgroup_parent;
  config.dns = cri::DnsConfig{.servers = {"10.96.0.10"}, .searches = {}, .options = {}};
  return config;
}

Task<Result<void>> MakePod(Run* run, size_t number) {
  cri::SandboxConfig sandbox = SandboxOf(*run, number);
  Times times;
  auto at = SteadyClock::now();
  auto lap = [&at] { return Seconds(SteadyClock::now() - std::exchange(at, SteadyClock::now())).count(); };
  CO_TRY(std::string sandbox_id, co_await run->runtime.RunSandbox(sandbox));
  run->sandboxes.push_back(sandbox_id);
  times.sandbox = lap();
  cri::ContainerConfig container;
  container.name = "c";
  container.image = run->arguments.image;
  container.command = {"sleep", "3600"};
  container.log_path = std::to_string(number) + ".log";
  container.security.seccomp.type = cri::SecurityProfile::Type::kUnconfined;
  CO_TRY(std::string id, co_await run->runtime.CreateContainer(sandbox_id, std::move(container), std::move(sandbox)));
  times.create = lap();
  CO_TRY_VOID(co_await run->runtime.StartContainer(id));
  times.start = lap();
  run->times.push_back(times);
  co_return Result<void>();
}

Task<Result<void>> MakePods(Run* run) {
  while (run->next < run->arguments.count) {
    size_t number = run->next++;
    CO_TRY_VOID(co_await MakePod(run, number));
  }
  co_return Result<void>();
}

Task<Result<void>> RemovePods(Run* run) {
  while (!run->sandboxes.empty()) {
    std::string id = std::move(run->sandboxes.back());
    run->sandboxes.pop_back();
    CO_TRY_VOID(co_await run->runtime.StopSandbox(id));
    CO_TRY_VOID(co_await run->runtime.RemoveSandbox(id));
  }
  co_return Result<void>();
}

Task<Result<void>> InParallel(Run* run, Task<Result<void>> (*work)(Run*)) {
  std::vector<Task<Result<void>>> workers;
  for (size_t i = 0; i < run->arguments.parallel; ++i) workers.push_back(work(run));
  for (Result<void>& done : co_await WhenAll(std::move(workers))) CO_TRY_VOID(std::move(done));
  co_return Result<void>();
}

double Median(const std::vector<Times>& all, double Times::* field) {
  std::vector<double> values;
  for (const Times& times : all) values.push_back(times.*field);
  std::ranges::sort(values);
  return values.empty() ? 0 : values[values.size() / 2];
}

Result<Arguments> Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i], value = argv[i + 1];
    if (name == "--endpoint") {
      arguments.endpoint = value;
    } else if (name == "--image") {
      arguments.image = value;
    } else if (name == "--cgroup-parent") {
      arguments.cgroup_parent = value;
    } else if (name == "--count" || name == "--parallel") {
      size_t& number = name == "--count" ? arguments.count : arguments.parallel;
      auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc() || end != value.data() + value.size() || number == 0) {
        return Fail(Error::BadRequest("{}: \"{}\" is not a number above 0", name, value));
      }
    } else {
      return Fail(Error::BadRequest("unknown flag {}", name));
    }
  }
  if (arguments.endpoint.empty() || arguments.image.empty() || argc % 2 == 0) {
    return Fail(
        Error::BadRequest("usage: sampan-cri-load --endpoint SOCKET --image NAME [--count 50] [--parallel 50] "
                          "[--cgroup-parent PATH]"));
  }
  return arguments;
}

Result<void> Load(const Arguments& arguments) {
  std::string directory = (std::filesystem::temp_directory_path() / "sampan-cri-load-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) return Fail(Error::Errno(errno, directory));
  cri::OperationStats stats;
  std::unique_ptr<cri::Runtime> runtime = cri::NewRuntime(arguments.endpoint, stats);
  std::unique_ptr<Executor> thread = NewThreadPool("cri-load", 1);
  Run run{arguments, *runtime, directory, SteadyClock::now(), 0, {}, {}};
  Result<void> made = SyncWait(*thread, InParallel(&run, &MakePods));
  double total = Seconds(SteadyClock::now() - run.began).count();
  Result<void> removed = SyncWait(*thread, InParallel(&run, &RemovePods));
  std::filesystem::remove_all(directory);
  TRY_VOID(std::move(made));
  std::printf(R"({"pods":%zu,"total_s":%.3f,"sandbox_s":%.3f,"create_s":%.3f,"start_s":%.3f})"
              "\n",
              run.times.size(), total, Median(run.times, &Times::sandbox), Median(run.times, &Times::create),
              Median(run.times, &Times::start));
  return removed;
}

}  // namespace
}  // namespace sampan

int main(int argc, char** argv) {
  sampan::Result<sampan::Arguments> arguments = sampan::Parse(argc, argv);
  sampan::Result<void> done = arguments ? sampan::Load(*arguments) : sampan::Fail(std::move(arguments).error());
  if (done) return 0;
  std::fprintf(stderr, "sampan-cri-load: %s\n", done.error().message().c_str());
  return 1;
}
