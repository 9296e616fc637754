// How long the kernel's table takes to follow. Needs root; works in a network namespace of its own.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include "os/file.h"
#include "os/netns.h"
#include "proxy/kernel.h"
#include "proxy/rule_set.h"

namespace sampan::proxy {
namespace {

const RulesConfig kConfig{.cluster_cidr = "10.244.0.0/16"};

ServiceRules PlanNumber(int number, int shift, int backends = 3) {
  ServicePort port;
  port.name = fmt::format("ns{}/svc{}/tcp/http", number / 100, number);
  port.protocol = "tcp";
  port.cluster_ip = fmt::format("10.{}.{}.{}", 96 + number / 62500, number / 250 % 250, number % 250 + 1);
  port.port = 80;
  for (int i = 0; i < backends; ++i) {
    int pod = number * backends + i + shift;
    port.backends.push_back({fmt::format("10.244.{}.{}", pod / 250 % 250, pod % 250 + 1), 8080});
  }
  return PlanService(std::vector{port}, kConfig);
}

RuleSet MakeServices(int count, int backends) {
  RuleSet set(kConfig);
  std::map<std::string, ServiceRules> services;
  for (int i = 0; i < count; ++i) services[std::to_string(i)] = PlanNumber(i, 0, backends);
  set.Update(std::move(services));
  return set;
}

RuleSet MakeServices(const benchmark::State& state) {
  return MakeServices(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
}

double ResidentMegabytes() {
  auto statm = os::ReadFile("/proc/self/statm", os::kKernelFileLimit);
  if (!statm) return 0;
  return std::strtod(statm->c_str() + statm->find(' '), nullptr) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

class Namespace {
 public:
  Namespace() : path_(fmt::format("/run/netns/sampan-bench-{}", ::getpid())) { made_ = os::CreateNetns(path_).has_value(); }
  ~Namespace() { (void)os::DeleteNetns(path_); }
  std::unique_ptr<Kernel> Open() const {
    auto kernel = NewLinuxKernel(path_);
    return made_ && kernel ? *std::move(kernel) : nullptr;
  }

 private:
  std::string path_;
  bool made_;
};

void Plan(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(PlanNumber(7, 0));
}
BENCHMARK(Plan);

// What the rules of all services take in this process, and the time to plan them.
void Memory(benchmark::State& state) {
  double growth = 0;
  for (auto _ : state) {
    double before = ResidentMegabytes();
    RuleSet set = MakeServices(state);
    growth = ResidentMegabytes() - before;
  }
  state.counters["MB"] = growth;
}
BENCHMARK(Memory)->Args({10000, 10})->Iterations(1)->Unit(benchmark::kMillisecond);

void FullSync(benchmark::State& state) {
  Namespace netns;
  std::unique_ptr<Kernel> kernel = netns.Open();
  if (kernel == nullptr) return state.SkipWithError("needs root");
  RuleSet set = MakeServices(state);
  for (auto _ : state) {
    if (!kernel->Apply(set.Render())) state.SkipWithError("the kernel refused the rules");
  }
}
BENCHMARK(FullSync)->Args({1000, 3})->Args({10000, 3})->Args({10000, 10})->Unit(benchmark::kMillisecond);

void OneServiceChanges(benchmark::State& state) {
  Namespace netns;
  std::unique_ptr<Kernel> kernel = netns.Open();
  if (kernel == nullptr) return state.SkipWithError("needs root");
  RuleSet set = MakeServices(state);
  if (!kernel->Apply(set.Render())) return state.SkipWithError("the kernel refused the rules");
  int round = 0;
  for (auto _ : state) {
    ++round;
    Commands commands = set.Update({{"17", PlanNumber(17, round % 2, static_cast<int>(state.range(1)))}});
    if (!kernel->Apply(commands.change)) state.SkipWithError("the kernel refused the change");
  }
}
BENCHMARK(OneServiceChanges)->Args({100, 3})->Args({10000, 3})->Args({10000, 10})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sampan::proxy
