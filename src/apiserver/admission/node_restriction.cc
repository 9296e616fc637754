#include <algorithm>
#include <array>
#include <set>

#include "api/types/core.h"
#include "apiserver/admission/admission.h"
#include "apiserver/errors.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";
// Labels of Kubernetes' own that a node may give itself; by the others administrators keep workloads off nodes that might
// be lying about themselves.
constexpr std::array<std::string_view, 11> kOwnLabels = {"kubernetes.io/hostname",
                                                         "kubernetes.io/arch",
                                                         "kubernetes.io/os",
                                                         "beta.kubernetes.io/arch",
                                                         "beta.kubernetes.io/os",
                                                         "beta.kubernetes.io/instance-type",
                                                         "node.kubernetes.io/instance-type",
                                                         "topology.kubernetes.io/region",
                                                         "topology.kubernetes.io/zone",
                                                         "failure-domain.beta.kubernetes.io/region",
                                                         "failure-domain.beta.kubernetes.io/zone"};

bool WithinDomain(std::string_view name, std::string_view domain) {
  if (!name.ends_with(domain)) return false;
  name.remove_suffix(domain.size());
  return name.empty() || name.ends_with('.');
}

bool NodeMayLabel(std::string_view key, const auth::UserInfo& user) {
  if (user.InGroup(auth::kControlPlaneNodesGroup)) return true;  // its labels come from who runs the control plane
  std::string_view domain = key.substr(0, key.find('/') == std::string_view::npos ? 0 : key.find('/'));
  if (!WithinDomain(domain, "kubernetes.io") && !WithinDomain(domain, "k8s.io")) return true;
  if (std::ranges::find(kOwnLabels, key) != kOwnLabels.end()) return true;
  return WithinDomain(domain, "kubelet.kubernetes.io") || WithinDomain(domain, "node.kubernetes.io");
}

// The labels that differ, as a list for people, of those that a node must leave alone.
std::string ForbiddenLabels(const json::Value& object, const json::Value* old, const auth::UserInfo& user) {
  std::set<std::string_view> changed;
  const json::Value* after = json::Find(object, "metadata", "labels");
  const json::Value* before = old == nullptr ? nullptr : json::Find(*old, "metadata", "labels");
  auto differs = [&changed](const json::Value* from, const json::Value* to) {
    if (from == nullptr || !from->is_object()) return;
    for (const auto& [key, value] : from->as_object()) {
      const json::Value* other = to == nullptr ? nullptr : json::Find(*to, key);
      if (other == nullptr || *other != value) changed.insert(key);
    }
  };
  differs(after, before);
  differs(before, after);
  std::string found;
  for (std::string_view key : changed) {
    if (NodeMayLabel(key, user)) continue;
    if (!found.empty()) found += ", ";
    found += key;
  }
  return found;
}

// What a pod takes from its namespace, "" for nothing: a node that could make pods with these could read them all.
template <class C>
std::string_view TakenByContainers(const std::vector<C>& containers) {
  for (const C& container : containers) {
    for (const auto& from : container.env_from) {
      if (from.secret_ref) return "secrets";
      if (from.config_map_ref) return "configmaps";
    }
    for (const auto& variable : container.env) {
      if (!variable.value_from) continue;
      if (variable.value_from->secret_key_ref) return "secrets";
      if (variable.value_from->config_map_key_ref) return "configmaps";
    }
  }
  return "";
}

std::string_view TakenByVolume(const api::core::Volume& volume) {
  if (volume.secret) return "secrets";
  if (volume.config_map) return "configmaps";
  if (volume.persistent_volume_claim) return "persistentvolumeclaims";
  if (!volume.projected) return "";
  for (const auto& source : volume.projected->sources) {
    if (source.secret) return "secrets";
    if (source.config_map) return "configmaps";
    if (source.service_account_token) return "a service account";
  }
  return "";
}

std::string_view TakenByPod(const api::core::PodSpec& spec) {
  if (!spec.service_account_name.empty()) return "a service account";
  if (!spec.image_pull_secrets.empty()) return "secrets";
  for (const auto& volume : spec.volumes) {
    if (std::string_view taken = TakenByVolume(volume); !taken.empty()) return taken;
  }
  if (std::string_view taken = TakenByContainers(spec.containers); !taken.empty()) return taken;
  return TakenByContainers(spec.init_containers);
}

const json::Value* Taints(const json::Value& node) {
  const json::Value* taints = json::Find(node, "spec", "taints");
  return taints != nullptr && taints->is_array() && taints->as_array().empty() ? nullptr : taints;
}

bool SameTaints(const json::Value& a, const json::Value& b) {
  const json::Value* one = Taints(a);
  const json::Value* other = Taints(b);
  return one == nullptr || other == nullptr ? one == other : *one == *other;
}

// The authorizer has limited a node to its own name where the path has one; here is what only the object tells.
class NodeRestriction final : public Admission {
 public:
  Phases Concerns(const WriteContext& context) const override {
    bool writes = context.intent == Intent::kCreate || context.intent == Intent::kUpdate;
    bool node = context.user.name.starts_with(auth::kNodeUserPrefix) && context.user.InGroup(auth::kNodesGroup);
    return {.validate = writes && node};
  }

  Task<Result<void>> Validate(WriteContext* context, const json::Value* object, const json::Value* old) override {
    co_return Check(*context, *object, old);
  }

 private:
  static Result<void> Check(const WriteContext& context, const json::Value& object, const json::Value* old) {
    std::string_view node = context.user.name;
    node.remove_prefix(auth::kNodeUserPrefix.size());
    std::string why;
    if (context.kind == &api::KindOf<api::core::Node>()) {
      why = NodeRefusal(context.user, object, old, node);
    } else if (context.kind == &api::KindOf<api::core::Pod>()) {
      why = old == nullptr ? PodRefusal(object, node) : PodUpdateRefusal(object, *old, node);
    }
    if (why.empty()) return {};
    return Fail(ForbiddenError(*context.kind, json::FindString(json::Find(object, "metadata", "name")), why));
  }

  // Each says why the node may not; empty when it may.
  static std::string NodeRefusal(const auth::UserInfo& user, const json::Value& object, const json::Value* old,
                                 std::string_view node) {
    const std::string_view name = json::FindString(json::Find(object, "metadata", "name"));
    if (name != node) return fmt::format("node \"{}\" is not allowed to modify node \"{}\"", node, name);
    std::string labels = ForbiddenLabels(object, old, user);
    if (!labels.empty() && old == nullptr) return "is not allowed to set the following labels: " + labels;
    if (!labels.empty()) return "is not allowed to modify labels: " + labels;
    // A new node may keep pods away from itself; later that is for administrators to change.
    if (old != nullptr && !SameTaints(object, *old)) {
      return fmt::format("node \"{}\" is not allowed to modify taints", node);
    }
    return {};
  }

  static std::string PodRefusal(const json::Value& object, std::string_view node) {
    if (json::Find(object, "metadata", "annotations", kMirrorAnnotation) == nullptr) {
      return fmt::format("pod does not have \"{}\" annotation, node \"{}\" can only create mirror pods", kMirrorAnnotation,
                         node);
    }
    auto pod = api::FromJson<api::core::Pod>(object);
    if (!pod) return pod.error().message();
    if (pod->spec.node_name != node) {
      return fmt::format("node \"{}\" can only create pods with spec.nodeName set to itself", node);
    }
    const auto& owners = pod->metadata.owner_references;
    if (owners.size() != 1 || owners[0].kind != "Node" || owners[0].name != node) {
      return fmt::format("node \"{}\" can only create pods with an owner reference set to itself", node);
    }
    std::string_view taken = TakenByPod(pod->spec);
    if (!taken.empty()) return fmt::format("node \"{}\" can not create pods that reference {}", node, taken);
    return {};
  }

  static std::string PodUpdateRefusal(const json::Value& object, const json::Value& old, std::string_view node) {
    const json::Value* after = json::Find(object, "metadata", "labels");
    const json::Value* before = json::Find(old, "metadata", "labels");
    bool same = after == nullptr || before == nullptr ? after == before : *after == *before;
    return same ? "" : fmt::format("node \"{}\" cannot update labels through pod status", node);
  }
};

}  // namespace

std::unique_ptr<Admission> NewNodeRestriction() {
  return std::make_unique<NodeRestriction>();
}

}  // namespace sampan::apiserver
