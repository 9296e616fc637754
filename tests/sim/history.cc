#include "sim/history.h"

#include <fmt/format.h>

#include "api/kind.h"
#include "api/object.h"
#include "api/types/core.h"
#include "store/keys.h"

namespace sampan::sim {
namespace {

constexpr std::string_view kPods = "/registry/pods/";

// "/registry/apps/deployments/" of "/registry/apps/deployments/default/web".
std::string PrefixOf(const std::string& key) {
  for (const api::KindInfo* kind : api::BuiltinKinds()) {
    std::string prefix = store::keys::ResourcePrefix(kind->group, kind->resource);
    if (key.starts_with(prefix)) return prefix;
  }
  return "";
}

int64_t MilliCpuOf(const api::core::Pod& pod) {
  int64_t sum = 0;
  for (const api::core::Container& container : pod.spec.containers) {
    if (!container.resources) continue;
    if (const api::Quantity* cpu = container.resources->requests.Find("cpu")) sum += cpu->MilliValue();
  }
  return sum;
}

}  // namespace

void History::Begin(const store::KeyValue& kv, store::Revision revision) {
  state_[kv.key] = {kv.mod_revision, std::hash<std::string>()(*kv.value)};
  begin_[kv.key] = kv.mod_revision;
  last_ = revision;
}

void History::Append(const store::Event& event) {
  const store::KeyValue& kv = event.kv;
  if (kv.mod_revision <= last_) violations_.push_back(fmt::format("revision {} comes after {}", kv.mod_revision, last_));
  last_ = kv.mod_revision;
  const bool deleted = event.type == store::Event::Type::kDelete;
  Entry entry{kv.mod_revision, event.type, !deleted && kv.create_revision == kv.mod_revision, kv.key};
  const size_t value_hash = deleted ? 0 : std::hash<std::string>()(*kv.value);
  digest_ = digest_ * 1'099'511'628'211ULL + std::hash<std::string>()(kv.key) * 31 + value_hash;
  if (deleted) {
    state_.erase(kv.key);
  } else {
    state_[kv.key] = {kv.mod_revision, value_hash};
  }
  by_prefix_[PrefixOf(kv.key)].push_back(entry);
  if (kv.key.starts_with(kPods)) CheckPod(event);
  entries_.push_back(std::move(entry));
}

const std::vector<History::Entry>& History::Of(const std::string& prefix) const {
  return by_prefix_[prefix];
}

std::map<std::string, store::Revision> History::StateAt(const std::string& prefix, store::Revision revision) const {
  std::map<std::string, store::Revision> state;
  for (auto at = begin_.lower_bound(prefix); at != begin_.end() && at->first.starts_with(prefix); ++at) state.insert(*at);
  for (const Entry& entry : by_prefix_[prefix]) {
    if (entry.revision > revision) break;
    if (entry.type == store::Event::Type::kDelete) {
      state.erase(entry.key);
    } else {
      state[entry.key] = entry.revision;
    }
  }
  return state;
}

void History::ExpectState(const store::RangeResult& everything) {
  if (everything.revision != last_) {
    violations_.push_back(fmt::format("the store came back at revision {}, durable was {}", everything.revision, last_));
  }
  size_t found = 0;
  for (const store::KeyValue& kv : everything.kvs) {
    auto held = state_.find(kv.key);
    if (held == state_.end()) {
      violations_.push_back(fmt::format("{} came back although it was deleted", kv.key));
    } else if (held->second.revision != kv.mod_revision || held->second.value_hash != std::hash<std::string>()(*kv.value)) {
      violations_.push_back(
          fmt::format("{} came back at revision {}, durable was {}", kv.key, kv.mod_revision, held->second.revision));
    } else {
      ++found;
    }
  }
  if (found < state_.size()) violations_.push_back(fmt::format("{} keys did not come back", state_.size() - found));
}

// A pod is bound once, and only to a node that has room for it.
void History::CheckPod(const store::Event& event) {
  const std::string& key = event.kv.key;
  if (event.type == store::Event::Type::kDelete) {
    pods_.erase(key);
    return;
  }
  auto object = api::Object::FromBytes(*event.kv.value);
  if (!object) {
    violations_.push_back(fmt::format("{} is no object: {}", key, object.error()));
    return;
  }
  const auto& pod = (*object)->As<api::core::Pod>();
  BoundPod& known = pods_[key];
  if (!known.uid.empty() && known.uid != pod.metadata.uid) {
    violations_.push_back(fmt::format("{} changed its uid", key));
  }
  if (!known.node.empty() && known.node != pod.spec.node_name) {
    violations_.push_back(fmt::format("{} was bound to {} and then to {}", key, known.node, pod.spec.node_name));
  }
  const bool bound_now = known.node.empty() && !pod.spec.node_name.empty();
  known = {pod.spec.node_name, pod.metadata.uid, MilliCpuOf(pod),
           pod.status.phase == "Succeeded" || pod.status.phase == "Failed"};
  if (!bound_now) return;
  int64_t used = 0;
  for (const auto& [name, other] : pods_) {
    if (other.node == known.node && !other.ended) used += other.milli_cpu;
  }
  if (used > kNodeMilliCpu) {
    violations_.push_back(
        fmt::format("{} was bound to {}, which then had {}m of {}m requested", key, known.node, used, kNodeMilliCpu));
  }
}

}  // namespace sampan::sim
