#include "scheduler/resources.h"

namespace sampan::scheduler {
namespace {

namespace core = api::core;

constexpr int64_t kDefaultMilliCpu = 100;
constexpr int64_t kDefaultMemory = 200LL << 20;

enum class Unrequested : bool { kIsZero, kIsDefault };

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
  milli_cpu += other.milli_cpu;
  memory += other.memory;
  ephemeral_storage += other.ephemeral_storage;
  pods += other.pods;
  for (const auto& [name, amount] : other.extended) extended[name] += amount;
  return *this;
}

Resources& Resources::operator-=(const Resources& other) {
  milli_cpu -= other.milli_cpu;
  memory -= other.memory;
  ephemeral_storage -= other.ephemeral_storage;
  pods -= other.pods;
  for (const auto& [name, amount] : other.extended) extended[name] -= amount;
  return *this;
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
