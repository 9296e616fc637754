#include "apiserver/auth/node_graph.h"

#include <algorithm>

#include "api/types/core.h"
#include "apiserver/auth/pod_references.h"

namespace sampan::apiserver::auth {
namespace {

// More nodes than a cluster has: what those that are gone have left behind is dropped then.
constexpr size_t kMaxNodes = 10'000;

std::string KeyOf(std::string_view resource, std::string_view namespace_, std::string_view name) {
  return fmt::format("{}/{}/{}", resource, namespace_, name);
}

store::keys::ObjectId IdOf(const api::Object& object) {
  return {object.namespace_(), object.name()};
}

}  // namespace

void NodeGraph::Edges::Add(OfPod& pod) {
  const json::Value document = pod.pod->Parse();
  if (json::Find(document, "metadata", "annotations", kMirrorAnnotation) != nullptr) return;
  for (const PodReference& reference : ReferencesOf(document)) {
    pod.keys.push_back(KeyOf(reference.resource, pod.pod->namespace_(), reference.name));
    ++uses[pod.keys.back()];
  }
}

void NodeGraph::Edges::Drop(const OfPod& pod) {
  for (const std::string& key : pod.keys) {
    auto use = uses.find(key);
    if (--use->second == 0) uses.erase(use);
  }
}

void NodeGraph::Edges::Follow(const store::ObjectView& view) {
  auto same = [](const OfPod& known, const api::ObjectPtr& pod) { return known.pod == pod; };
  if (std::equal(pods.begin(), pods.end(), view.begin(), view.end(), same)) return;
  std::vector<OfPod> now;
  auto known = pods.begin();
  for (const api::ObjectPtr& pod : view) {
    while (known != pods.end() && known->pod != pod && store::keys::Compare(IdOf(*known->pod), IdOf(*pod)) <= 0) {
      Drop(*known++);
    }
    if (known != pods.end() && known->pod == pod) {
      now.push_back(std::move(*known++));
    } else {
      Add(now.emplace_back(OfPod{pod, {}}));
    }
  }
  for (; known != pods.end(); ++known) Drop(*known);
  pods = std::move(now);
}

std::shared_ptr<Guarded<NodeGraph::Edges>> NodeGraph::EdgesOf(std::string_view node) const {
  auto nodes = nodes_.Lock();
  auto found = nodes->find(node);
  if (found != nodes->end()) return found->second;
  if (nodes->size() >= kMaxNodes) nodes->clear();
  return nodes->emplace(std::string(node), std::make_shared<Guarded<Edges>>()).first->second;
}

bool NodeGraph::Uses(std::string_view node, std::string_view resource, std::string_view namespace_,
                     std::string_view name) const {
  std::shared_ptr<Guarded<Edges>> edges = EdgesOf(node);
  store::ObjectView pods = lookup_.PodsOnNode(node);
  auto locked = edges->Lock();
  locked->Follow(pods);
  return locked->uses.contains(KeyOf(resource, namespace_, name));
}

bool NodeGraph::Runs(std::string_view node, std::string_view namespace_, std::string_view pod) const {
  api::ObjectPtr object = lookup_.Get("pods", namespace_, pod);
  return object && object->As<api::core::Pod>().spec.node_name == node;
}

}  // namespace sampan::apiserver::auth
