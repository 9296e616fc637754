#include "scheduler/resources.h"

#include <algorithm>

namespace sampan::scheduler {
namespace {

namespace core = api::core;

constexpr int64_t kDefaultMilliCpu = 100;
constexpr int64_t kDefaultMemory = 200LL << 20;

enum class Unrequested : bool { kIsZero, kIsDefault };

// What overflows stays at an end that leaves room for one more amount of one pod.
constexpr int64_t kMostOfAll = INT64_MAX / 2;

int64_t Plus(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? kMostOfAll : std::min(sum, kMostOfAll);
}

int64_t Minus(int64_t a, int64_t b) {
  int64_t difference = 0;
  return __builtin_sub_overflow(a, b, &difference) ? -kMostOfAll : std::max(difference, -kMostOfAll);
}

Resources OfContainer(const core::Container& container, Unrequested unrequested) {
  const api::Map<api::Quantity>& requests = container.resources.OrEmpty().requests;
  Resources resources = Resources::Of(requests);
  if (unrequested == Unrequested::kIsDefault) {
    if (!requests.contains("cpu")) resources.milli_cpu = kDefaultMilliCpu;
    if (!requests.contains("memory")) resources.memory = kDefaultMemory;
  }
  return resources;
}

Resources Sum(const core::PodSpec& spec, Unrequested unrequested) {
  Resources sidecars;
  Resources starting;  // the most that is needed while init containers run
  for (const core::Container& container : spec.init_containers) {
    Resources own = OfContainer(container, unrequested);
    if (container.restart_policy == "Always") {
      sidecars += own;
      starting.RaiseTo(sidecars);
    } else {
      own += sidecars;
      starting.RaiseTo(own);
    }
  }
  Resources running = sidecars;
  for (const core::Container& container : spec.containers) running += OfContainer(container, unrequested);
  running.RaiseTo(starting);

  const api::Map<api::Quantity>& whole = spec.resources.OrEmpty().requests;
  Resources pod_level = Resources::Of(whole);
  if (whole.contains("cpu")) running.milli_cpu = pod_level.milli_cpu;
  if (whole.contains("memory")) running.memory = pod_level.memory;
  running += Resources::Of(spec.overhead);
  running.LimitTo(kMostOfOne);
  running.pods = 1;
  return running;
}

}  // namespace

Resources Resources::Of(const api::Map<api::Quantity>& list) {
  Resources resources;
  for (const auto& [name, quantity] : list) {
    if (name == "cpu") {
      resources.milli_cpu = quantity.MilliValue();
    } else if (name == "memory") {
      resources.memory = quantity.Value();
    } else if (name == "ephemeral-storage") {
      resources.ephemeral_storage = quantity.Value();
    } else if (name == "pods") {
      resources.pods = quantity.Value();
    } else {
      resources.extended[name] = quantity.Value();
    }
  }
  return resources;
}

Resources& Resources::operator+=(const Resources& other) {
  milli_cpu = Plus(milli_cpu, other.milli_cpu);
  memory = Plus(memory, other.memory);
  ephemeral_storage = Plus(ephemeral_storage, other.ephemeral_storage);
  pods = Plus(pods, other.pods);
  for (const auto& [name, amount] : other.extended) {
    int64_t& held = extended[name];
    held = Plus(held, amount);
  }
  return *this;
}

Resources& Resources::operator-=(const Resources& other) {
  milli_cpu = Minus(milli_cpu, other.milli_cpu);
  memory = Minus(memory, other.memory);
  ephemeral_storage = Minus(ephemeral_storage, other.ephemeral_storage);
  pods = Minus(pods, other.pods);
  for (const auto& [name, amount] : other.extended) {
    int64_t& held = extended[name];
    held = Minus(held, amount);
  }
  return *this;
}

void Resources::LimitTo(int64_t most) {
  for (int64_t* amount : {&milli_cpu, &memory, &ephemeral_storage, &pods}) *amount = std::clamp<int64_t>(*amount, 0, most);
  for (auto& [name, amount] : extended) amount = std::clamp<int64_t>(amount, 0, most);
}

void Resources::RaiseTo(const Resources& other) {
  milli_cpu = std::max(milli_cpu, other.milli_cpu);
  memory = std::max(memory, other.memory);
  ephemeral_storage = std::max(ephemeral_storage, other.ephemeral_storage);
  pods = std::max(pods, other.pods);
  for (const auto& [name, amount] : other.extended) extended[name] = std::max(extended[name], amount);
}

Resources RequestsOf(const core::PodSpec& spec) {
  return Sum(spec, Unrequested::kIsZero);
}
Resources ScoringRequestsOf(const core::PodSpec& spec) {
  return Sum(spec, Unrequested::kIsDefault);
}

}  // namespace sampan::scheduler
