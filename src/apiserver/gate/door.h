// A way into the server: HTTP, or the client for components of the same process. The gate (gate.h) calls a door's steps in
// the order in which they stand here, each at most once but Answer.
#pragma once

#include "apiserver/gate/outcome.h"
#include "apiserver/gate/request.h"

namespace sampan::apiserver {

// Lives as long as its request is on its way. Arguments outlive the tasks.
class Door {
 public:
  virtual ~Door() = default;
  // Sets request->user: who proves to be there. Unauthorized otherwise.
  virtual Task<Result<void>> Identify(ApiRequest* request) = 0;
  // Whom the request acts as instead, where it asks for that: sets user and authenticated. Forbidden when it may not.
  virtual Result<void> Impersonate(ApiRequest& request) = 0;
  // The request may pass: reads what belongs to it into request->operation. Errors tell what is wrong with it.
  virtual Task<Result<void>> Decode(ApiRequest* request) = 0;
  // Serves what has no handler.
  virtual Task<Result<Outcome>> Serve(ApiRequest* request) = 0;
  // Gives the outcome to who asked and sets request->status. After an exception it is called once more, with an error.
  virtual Task<void> Answer(ApiRequest* request, Result<Outcome> outcome) = 0;
};

}  // namespace sampan::apiserver
