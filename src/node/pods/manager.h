// All pods of the node: a worker for each, made and ended as the API and the runtime say.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/pods/admission.h"
#include "node/pods/static_pods.h"
#include "node/pods/worker.h"

namespace sampan::node {

// Methods are called on the strand of `services`.
class PodManager {
 public:
  // `pods` holds this node's pods only.
  PodManager(PodServices& services, client::Informer<api::core::Pod> pods);
  ~PodManager();

  // Runs workers until `stop`; then their pods go on without them.
  Task<void> Run(CancelToken stop);

  // Null when the node has no such pod.
  PodWorker* Find(std::string_view namespace_, std::string_view name);
  std::vector<PodWorker*> All();
  // Whether the runtime answered when it was last asked.
  bool runtime_ok() const { return runtime_ok_; }

 private:
  int64_t OthersRequest(const std::string& uid, std::string_view resource) const;
  void Seen(const client::TypedPtr<api::core::Pod>& pod);
  std::optional<Rejection> RejectionOf(const client::TypedPtr<api::core::Pod>& pod) const;
  Duration PauseOfRefusal();
  void Gone(const std::string& uid);
  void StartWorker(const std::string& uid, std::unique_ptr<PodWorker> worker);
  Task<void> RunWorker(std::string uid);
  // Finds out what changed in the runtime without a pod's worker having done it.
  Task<void> Relist();
  Task<void> Round();  // static pods when it is time, and Relist
  // A change of the API's pods, contained: what is lost is made up for in the next round.
  void Changed(const client::ObjectPtr& before, const client::ObjectPtr& after);
  void SeeAll();
  // Static pods (manager_static.cc): reads the manifests, and starts, ends and mirrors accordingly.
  Task<void> SyncStatic();
  PodWorker* FindStatic(const StaticPod& pod);  // of that name; a pod of the API may have the same one
  bool IsMirrored(const client::TypedPtr<api::core::Pod>& mirror) const;  // by a static pod that runs here
  Task<void> RemoveOrphanMirrors();
  Task<void> SyncMirror(StaticPod pod, std::string node_uid);
  Task<void> RemoveMirror(client::TypedPtr<api::core::Pod> mirror);
  void Adopt(const std::string& uid, const cri::Sandbox* sandbox, const cri::Container* container);

  PodServices& services_;
  client::Informer<api::core::Pod> pods_;
  std::map<std::string, std::unique_ptr<PodWorker>> workers_;  // by uid
  std::map<std::string, std::string> seen_;                    // what the runtime had of each uid, as text
  CancelToken stop_;
  bool runtime_ok_ = true;
  bool listed_ = false;  // seen_ is what the runtime has
  bool missed_ = false;  // a change was lost
  MonoTime next_refusal_{};
  std::optional<MonoTime> manifests_read_;
  Gate gate_;
};

}  // namespace sampan::node
