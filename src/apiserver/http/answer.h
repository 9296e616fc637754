// The outcome of a request as an HTTP answer.
#pragma once

#include "apiserver/http/context.h"

namespace sampan::apiserver {

// Not for watches and for what was sent already. A form that cannot be made becomes an error's answer.
Task<net::Response> EncodeOutcome(HttpContext* context, Exchange* exchange, Result<Outcome> outcome);

// Sends the answer, compressed where that pays, and notes its status. `exchange` outlives the task.
Task<void> SendAnswer(Exchange* exchange, net::Response response);

}  // namespace sampan::apiserver
