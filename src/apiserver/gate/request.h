// One request at the gate and behind it, by whatever way it came: who asks, for what, and what is to be done.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/auth/auth.h"
#include "apiserver/gate/operation.h"
#include "apiserver/gate/place.h"
#include "apiserver/gate/route.h"
#include "apiserver/request_info.h"

namespace sampan::apiserver {

// Shared by whoever asks and whoever does the work, which goes on when the time limit has passed. Filled in step by step
// on the way through the gate (gate.h), by one of them at a time.
struct ApiRequest {
  // From the head, before anything is decided.
  RequestInfo info;
  std::string audit_id;                // the name by which the client and others find the request again
  std::string uri;                     // path and query as sent; of requests from outside
  std::string user_agent;              // of requests from outside
  std::vector<std::string> addresses;  // of the client and the proxies before it; of requests from outside
  std::optional<Duration> time_limit;  // as asked for

  // Who asks, and who that was before the request acted as someone else.
  auth::UserInfo user;
  std::optional<auth::UserInfo> authenticated;

  Route route;
  Operation operation;
  Place place;         // given back with the request: when it is answered and nobody works on it any more
  bool heavy = false;  // the body, or the object that is changed, is large: see heavy.h

  // Out.
  std::vector<std::string> warnings;
  int status = 0;                      // HTTP's word for the outcome
  std::atomic<bool> escaped{false};    // something was thrown on the way
  std::function<void()> on_streaming;  // called when the answer begins that ends when its client likes; may be empty

  // Such an answer begins.
  void Streaming(int http_status) {
    status = http_status;
    if (on_streaming) on_streaming();
  }

  const api::KindInfo& kind() const { return route.kind(); }
};

// What the authorizer is asked; points into `request`.
auth::Attributes AttributesOf(const ApiRequest& request);

}  // namespace sampan::apiserver
