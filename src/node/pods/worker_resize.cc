// The part of PodWorker that gives running containers more or less cpu and memory.
#include "base/log.h"
#include "node/pods/resize.h"
#include "node/pods/resources.h"
#include "node/pods/worker.h"

namespace sampan::node {

using namespace api::core;

namespace {
constexpr Duration kResizeRetry = std::chrono::seconds(10);
}  // namespace

// Remembers what running containers have, and whether the node can give what they should get.
void PodWorker::SyncSizes() {
  PodPtr pod = pod_;
  for (const auto* list : {&pod->spec.containers, &pod->spec.init_containers}) {
    for (const Container& container : *list) {
      const cri::Container* run = runtime_.Latest(container.name);
      if (run == nullptr || run->state != cri::ContainerState::kRunning) continue;
      ContainerMemory& memory = memory_.Ensure(container.name);
      if (memory.applied_to == run->id) continue;
      // After a restart of the agent: what was published of this run, else it was started with what the spec says.
      memory.applied_to = run->id;
      memory.applied = container.resources.OrEmpty();
      for (const auto* statuses : {&pod->status.container_statuses, &pod->status.init_container_statuses}) {
        for (const ContainerStatus& known : *statuses) {
          if (known.container_id == "containerd://" + run->id && known.resources) memory.applied = *known.resources;
        }
      }
    }
  }
  bool differs = false;
  for (const auto* list : {&pod->spec.containers, &pod->spec.init_containers}) {
    for (const Container& container : *list) {
      const ContainerMemory& memory = memory_.Of(container.name);
      differs |= !memory.applied_to.empty() && ResizeEffectOf(container, memory.applied) != ResizeEffect::kNone;
    }
  }
  memory_.resize_pending.reset();
  if (!differs) {
    memory_.resize_error.clear();
    memory_.resize_retry_at.reset();
    return;
  }
  memory_.resize_pending = ResizeObstacle(pod->spec, services_.allocatable, [&](std::string_view resource) {
    return services_.others_request ? services_.others_request(pod->metadata.uid, resource) : 0;
  });
}

Task<void> PodWorker::Resize(PodPtr pod, std::vector<ResizeContainer> resizes) {
  const os::CgroupLimits before = PodCgroupLimits(AppliedSpec(pod->spec, memory_));
  Result<void> done = co_await SetPodLimits(Widest(before, PodCgroupLimits(pod->spec)), pod);
  for (const ResizeContainer& resize : resizes) {
    const Container* container = FindContainer(*pod, resize.name);
    if (!done || container == nullptr) break;
    done = co_await services_.runtime.UpdateContainerResources(
        resize.id, ContainerResourcesOf(pod->spec, *container, services_.node_memory_bytes));
    if (done) memory_.Ensure(resize.name).applied = container->resources.OrEmpty();
  }
  if (done) done = co_await SetPodLimits(PodCgroupLimits(AppliedSpec(pod->spec, memory_)), pod);
  if (done) {
    memory_.resize_error.clear();
    memory_.resize_retry_at.reset();
    co_return;
  }
  LOG_WARN("node", "cannot resize pod {}/{}: {}", pod->metadata.namespace_, pod->metadata.name, done.error());
  memory_.resize_error = done.error().message();
  memory_.resize_retry_at = services_.clock.Now() + kResizeRetry;
}

Task<Result<void>> PodWorker::SetPodLimits(os::CgroupLimits limits, const PodPtr& pod) {
  if (services_.cgroups == nullptr) co_return Result<void>();
  std::string group = PodCgroup(QosOf(pod->spec), pod->metadata.uid);
  auto set = [cgroups = services_.cgroups, group = std::move(group), limits = std::move(limits)] {
    return cgroups->SetLimits(group, limits);
  };
  co_return co_await services_.blocking.Run(std::move(set));
}

}  // namespace sampan::node
