// Writes pods' statuses to the API: the newest of each pod, only what changed, one request a pod at a time.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/types/core.h"
#include "async/clock.h"
#include "async/gate.h"
#include "async/oneshot.h"
#include "client/typed.h"

namespace sampan::node {

// One strand. Retries for ever (100 ms to 10 s) while the server cannot be reached; a pod that is gone is forgotten.
class StatusWriter {
 public:
  StatusWriter(client::Client& client, Clock& clock, Executor& strand);
  ~StatusWriter();

  // The object as the server has it; called for every change seen, before Set.
  void Observe(const client::TypedPtr<api::core::Pod>& pod) { ObserveAs(pod.uid(), pod); }
  // The same for the mirror of a static pod, whose statuses are set under the static pod's uid.
  void ObserveAs(const std::string& uid, const client::TypedPtr<api::core::Pod>& pod);
  void Set(const std::string& uid, std::shared_ptr<const api::core::PodStatus> status);
  void Forget(const std::string& uid);

  // Done when the newest status set so far has been written (or cannot be, the pod being gone).
  Task<void> Flush(std::string uid, CancelToken stop);

  // Ends the writing; statuses that are not written then are lost (the next agent computes them anew).
  Task<void> Close();

 private:
  struct Entry;
  Task<void> Write(std::string uid);
  Task<Result<void>> WriteOnce(std::string uid);

  client::Client& client_;
  Clock& clock_;
  Executor& strand_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  CancelSource stop_;
  Gate gate_;
};

}  // namespace sampan::node
