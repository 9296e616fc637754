// The one gate: every request to the API, from outside or from a component of this process, passes it, and this is the
// order in which it is looked at:
//
//   the server is up            else 503: nothing is decided before what decides it is loaded
//   authentication              else 401
//   audit: RequestReceived
//   impersonation               else 403
//   a place                     else 429 (places.h: limits, priority and fairness)
//   authorization               else 403
//   route                       else 404, 405
//   decoding                    the body is read only now
//   handler, until the deadline else 504; admission, and the checks that hang on the object (a creation by PUT or apply,
//                               escalation), are the registry's part of it
//   answer
//   audit: ResponseComplete, metrics
//
// What escapes any of it is contained (async/contain.h): that request is answered 500, and nothing else is hurt.
#pragma once

#include <atomic>
#include <memory>

#include "apiserver/gate/audit/trail.h"
#include "apiserver/gate/core.h"
#include "apiserver/gate/door.h"
#include "apiserver/gate/metrics.h"
#include "apiserver/gate/places.h"
#include "async/gate.h"

namespace sampan::apiserver {

struct GateOptions {
  PlaceLimits limits;
  audit::Options audit;
  Duration request_timeout = std::chrono::seconds(60);  // also the longest that a client may ask for
};

// Thread-safe.
class RequestGate {
 public:
  // Everything is borrowed and outlives it.
  RequestGate(const Core& core, Metrics& metrics, const GateOptions& options);

  // Lets one request through or refuses it; done when it is answered. The door outlives the task.
  Task<void> Pass(std::shared_ptr<ApiRequest> request, Door* door);

  // Everything that decides about requests is loaded.
  void Open() { loaded_.store(true, std::memory_order_release); }
  // Refuses from now on; waits for handlers that go on behind their deadline.
  Task<void> Close();

  const Places& places() const { return places_; }
  bool audits() const { return options_.audit.policy != nullptr; }
  const audit::Options& audit() const { return options_.audit; }
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

 private:
  struct Passage;
  Task<Result<Outcome>> Through(Passage* passage);
  Task<Result<void>> Identify(Passage* passage);
  Result<void> CheckUp() const;
  Result<void> Authorize(Passage& passage) const;
  Task<Result<Outcome>> Handle(std::shared_ptr<ApiRequest> request);

  const Core& core_;
  Metrics& metrics_;
  const GateOptions options_;
  Places places_;
  std::atomic<bool> loaded_{false};
  std::atomic<bool> stopping_{false};
  Gate late_;  // handlers behind their deadline
};

}  // namespace sampan::apiserver
