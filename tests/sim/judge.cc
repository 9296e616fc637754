#include "sim/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace sampan::sim {
namespace {

using Faults = std::vector<std::string>;

template <class T>
std::string Named(const client::TypedPtr<T>& object) {
  return fmt::format("{} {}/{}", object.head().kind, object.namespace_(), object.name());
}

bool IsTrue(const api::core::Pod& pod, std::string_view type) {
  return std::ranges::any_of(pod.status.conditions,
                             [&](const auto& condition) { return condition.type == type && condition.status == "True"; });
}

bool Ended(const api::core::Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}

bool Matches(const api::StringMap& selector, const api::StringMap& labels) {
  return std::ranges::all_of(selector, [&](const auto& wanted) {
    const std::string* value = labels.Find(wanted.first);
    return value != nullptr && *value == wanted.second;
  });
}

template <class T>
int OwnedBy(const All<T>& objects, const std::string& uid) {
  return static_cast<int>(std::ranges::count_if(objects, [&](const auto& object) {
    return std::ranges::any_of(object.head().owners,
                               [&](const auto& owner) { return owner.controller && owner.uid == uid; });
  }));
}

void JudgeDeployments(const Picture& picture, Faults& faults) {
  for (const auto& deployment : picture.deployments) {
    const int wanted = deployment->spec.replicas.value_or(1);
    const auto& status = deployment->status;
    if (status.observed_generation.value_or(0) != deployment->metadata.generation.value_or(0) ||
        status.replicas.value_or(0) != wanted || status.updated_replicas.value_or(0) != wanted ||
        status.ready_replicas.value_or(0) != wanted || status.available_replicas.value_or(0) != wanted) {
      faults.push_back(fmt::format("{} wants {} and has replicas {}, updated {}, ready {}, available {}", Named(deployment),
                                   wanted, status.replicas.value_or(0), status.updated_replicas.value_or(0),
                                   status.ready_replicas.value_or(0), status.available_replicas.value_or(0)));
    }
  }
  for (const auto& set : picture.replica_sets) {
    int active = 0;
    for (const auto& pod : picture.pods) {
      if (!pod.object()->deleting() && !Ended(*pod) && OwnedBy(All<api::core::Pod>{pod}, set.uid()) > 0) ++active;
    }
    if (active != set->spec.replicas.value_or(1) || set->status.replicas != active) {
      faults.push_back(fmt::format("{} wants {}, says {} and has {} pods", Named(set), set->spec.replicas.value_or(1),
                                   set->status.replicas, active));
    }
  }
}

void JudgePods(const Picture& picture, Faults& faults) {
  std::map<std::string, int> ready_sandboxes;
  for (const Picture::Sandbox& sandbox : picture.sandboxes) {
    auto pod = std::ranges::find(picture.pods, sandbox.pod_uid, [](const auto& pod) { return pod.uid(); });
    if (pod == picture.pods.end() || (*pod)->spec.node_name != sandbox.node) {
      faults.push_back(fmt::format("{} still has a sandbox of pod {}, which is not its", sandbox.node, sandbox.pod_uid));
    } else if (sandbox.ready && sandbox.running > 0) {
      ++ready_sandboxes[sandbox.pod_uid];
    }
  }
  for (const auto& pod : picture.pods) {
    if (pod.object()->deleting()) faults.push_back(Named(pod) + " does not end");
    if (Ended(*pod)) continue;
    if (pod->status.phase != "Running" || !IsTrue(*pod, "Ready")) {
      faults.push_back(fmt::format("{} on \"{}\" is {} and not ready", Named(pod), pod->spec.node_name, pod->status.phase));
    } else if (ready_sandboxes[pod.uid()] != 1) {
      faults.push_back(
          fmt::format("{} is Ready and runs {} times on {}", Named(pod), ready_sandboxes[pod.uid()], pod->spec.node_name));
    }
  }
}

std::set<std::string> ReadyAddresses(const Picture& picture, const api::core::Service& service) {
  std::set<std::string> addresses;
  for (const auto& pod : picture.pods) {
    if (pod.namespace_() == service.metadata.namespace_ && Matches(service.spec.selector, pod->metadata.labels) &&
        !Ended(*pod) && IsTrue(*pod, "Ready")) {
      addresses.insert(pod->status.pod_ip);
    }
  }
  return addresses;
}

void JudgeServices(const Picture& picture, Faults& faults) {
  for (const auto& service : picture.services) {
    if (service->spec.selector.empty()) continue;
    std::set<std::string> wanted = ReadyAddresses(picture, *service);
    std::set<std::string> sliced, listed;
    for (const auto& slice : picture.slices) {
      const std::string* of = slice->metadata.labels.Find("kubernetes.io/service-name");
      if (slice.namespace_() != service.namespace_() || of == nullptr || *of != service.name()) continue;
      for (const auto& endpoint : slice->endpoints) {
        if (endpoint.conditions && endpoint.conditions->ready.value_or(true)) sliced.insert(endpoint.addresses.at(0));
      }
    }
    for (const auto& endpoints : picture.endpoints) {
      if (endpoints.namespace_() != service.namespace_() || endpoints.name() != service.name()) continue;
      for (const auto& subset : endpoints->subsets) {
        for (const auto& address : subset.addresses) listed.insert(address.ip);
      }
    }
    if (sliced != wanted) {
      faults.push_back(fmt::format("{} has {} ready pods and {} in slices", Named(service), wanted.size(), sliced.size()));
    }
    if (listed != wanted) {
      faults.push_back(fmt::format("{} has {} ready pods and {} endpoints", Named(service), wanted.size(), listed.size()));
    }
  }
}

void JudgeNamespaces(const Picture& picture, Faults& faults) {
  for (const auto& space : picture.namespaces) {
    if (space.object()->deleting()) faults.push_back(Named(space) + " does not end");
    auto has = [&](const auto& objects, std::string_view name) {
      return std::ranges::any_of(
          objects, [&](const auto& object) { return object.namespace_() == space.name() && object.name() == name; });
    };
    if (!has(picture.service_accounts, "default")) faults.push_back(space.name() + " has no default service account");
    if (!has(picture.config_maps, "kube-root-ca.crt")) faults.push_back(space.name() + " has no kube-root-ca.crt");
  }
}

template <class T>
void JudgeOwners(const Picture& picture, const All<T>& objects, const std::set<std::string>& uids, Faults& faults) {
  for (const auto& object : objects) {
    for (const auto& owner : object.head().owners) {
      if (!uids.contains(owner.uid)) {
        faults.push_back(fmt::format("{} belongs to {} {}, which is gone", Named(object), owner.kind, owner.name));
      }
    }
    if (object.object()->deleting()) faults.push_back(Named(object) + " does not end");
    auto lives = [&](const auto& space) { return space.name() == object.namespace_(); };
    if (!std::ranges::any_of(picture.namespaces, lives)) {
      faults.push_back(Named(object) + " outlived its namespace");
    }
  }
}

}  // namespace

Faults Faulty(const Picture& picture) {
  Faults faults;
  for (const auto& node : picture.nodes) {
    bool ready = std::ranges::any_of(node->status.conditions, [](const auto& condition) {
      return condition.type == "Ready" && condition.status == "True";
    });
    if (!ready || !node->spec.taints.empty()) {
      faults.push_back(
          fmt::format("{} is {} and has {} taints", node.name(), ready ? "ready" : "not ready", node->spec.taints.size()));
    }
  }
  std::set<std::string> ranges;
  for (const auto& node : picture.nodes) {
    if (!ranges.insert(node->spec.pod_cidr).second) {
      faults.push_back(fmt::format("{} has the pod range {}, as another node has", node.name(), node->spec.pod_cidr));
    }
  }
  JudgeDeployments(picture, faults);
  JudgePods(picture, faults);
  JudgeServices(picture, faults);
  JudgeNamespaces(picture, faults);
  std::set<std::string> uids;
  auto note = [&](const auto& objects) {
    for (const auto& object : objects) uids.insert(object.uid());
  };
  note(picture.nodes);
  note(picture.services);
  note(picture.endpoints);
  note(picture.deployments);
  note(picture.replica_sets);
  JudgeOwners(picture, picture.pods, uids, faults);
  JudgeOwners(picture, picture.replica_sets, uids, faults);
  JudgeOwners(picture, picture.deployments, uids, faults);
  JudgeOwners(picture, picture.slices, uids, faults);
  JudgeOwners(picture, picture.endpoints, uids, faults);
  JudgeOwners(picture, picture.config_maps, uids, faults);
  JudgeOwners(picture, picture.services, uids, faults);
  return faults;
}

}  // namespace sampan::sim
