// The outcome of a request as an HTTP answer.
#pragma once

#include "apiserver/http/context.h"

namespace sampan::apiserver {

// A large one is made by the core's heavy work. Not for watches and for what was sent already. A form that cannot be made
// becomes an error's answer.
Task<net::Response> EncodeOutcome(HttpContext* context, Exchange* exchange, Result<Outcome> outcome);

// For the time in which the client takes the answer, where that is large. When its account has no memory left for it, the
// answer becomes a refusal.
std::optional<AnswerMemory::Charge> ChargeFor(HttpContext* context, const Exchange& exchange, net::Response& response);

// Sends the answer, compressed where that pays, and notes its status. `exchange` outlives the task.
Task<void> SendAnswer(Exchange* exchange, net::Response response);

}  // namespace sampan::apiserver
