// Events about objects, for `kubectl describe` and `kubectl get events`.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "async/clock.h"
#include "base/rng.h"
#include "client/client.h"

namespace sampan::client {

// What an event is about (core/v1 ObjectReference).
struct EventSubject {
  std::string api_version;
  std::string kind;
  std::string namespace_;  // empty for cluster-scoped objects: the event then goes to "default"
  std::string name;
  std::string uid;
  std::string resource_version;
  std::string field_path;  // "spec.containers{web}", or empty
  static EventSubject Of(const api::Object& object, std::string field_path = {});
};

enum class EventType : unsigned char { kNormal, kWarning };

struct EventOptions {
  std::string component;  // "deployment-controller", "default-scheduler", "kubelet", ...
  std::string host;       // the node's name, for the node agent
  size_t queue_capacity = 1000;
};

// Repeated events raise the count of the first; more than ten similar ones (same subject, reason) in ten minutes become
// one "(combined from similar events): ..."; a subject that talks too much (25, then one in five minutes) is cut off.
// Thread-safe.
class EventRecorder {
 public:
  EventRecorder(Client& client, Clock& clock, Rng& rng, EventOptions options);
  ~EventRecorder();

  // Never blocks and never fails: an event that finds the queue full is dropped.
  void Record(const EventSubject& subject, EventType type, std::string_view reason, std::string message);
  void Record(const api::Object& object, EventType type, std::string_view reason, std::string message) {
    Record(EventSubject::Of(object), type, reason, std::move(message));
  }

  // Writes the queued events until `stop`, then those that are still queued as far as the server answers. Started once by
  // the owner.
  Task<void> Run(CancelToken stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sampan::client
