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

api::core::Container AsContainer(const api::core::EphemeralContainer& ephemeral) {
  api::core::Container out;
  out.name = ephemeral.name;
  out.image = ephemeral.image;
  out.command = ephemeral.command;
  out.args = ephemeral.args;
  out.working_dir = ephemeral.working_dir;
  out.env_from = ephemeral.env_from;
  out.env = ephemeral.env;
  out.volume_mounts = ephemeral.volume_mounts;
  out.volume_devices = ephemeral.volume_devices;
  out.termination_message_path = ephemeral.termination_message_path;
  out.termination_message_policy = ephemeral.termination_message_policy;
  out.image_pull_policy = ephemeral.image_pull_policy;
  out.security_context = ephemeral.security_context;
  out.stdin_ = ephemeral.stdin_;
  out.stdin_once = ephemeral.stdin_once;
  out.tty = ephemeral.tty;
  return out;
}

const ContainerMemory& PodMemory::Of(std::string_view name) const {
  static const ContainerMemory kEmpty;
  auto found = containers.find(name);
  return found == containers.end() ? kEmpty : found->second;
}

}  // namespace sampan::node
