#include "node/pods/state.h"

#include <algorithm>

namespace sampan::node {

const cri::Container* RuntimePod::Latest(std::string_view name) const {
  for (const cri::Container& container : containers) {
    if (container.name == name) return &container;
  }
  return nullptr;
}

const cri::Container* RuntimePod::Before(const cri::Container& container) const {
  for (const cri::Container& other : containers) {
    if (other.name == container.name && other.attempt < container.attempt) return &other;
  }
  return nullptr;
}

void RuntimePod::Sort() {
  std::ranges::sort(sandboxes, [](const cri::Sandbox& a, const cri::Sandbox& b) {
    return a.attempt != b.attempt ? a.attempt > b.attempt : a.created_at > b.created_at;
  });
  std::ranges::sort(containers, [](const cri::Container& a, const cri::Container& b) {
    return a.attempt != b.attempt ? a.attempt > b.attempt : a.created_at > b.created_at;
  });
}

const ContainerMemory& PodMemory::Of(std::string_view name) const {
  static const ContainerMemory kEmpty;
  auto found = containers.find(name);
  return found == containers.end() ? kEmpty : found->second;
}

}  // namespace sampan::node
