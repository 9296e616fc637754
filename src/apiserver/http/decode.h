// From an HTTP request to what it wants done: options out of the query, and bodies in one of three encodings. What is not
// understood refuses the request: values and types of options, bodies, members of DeleteOptions. Unknown query parameters
// are ignored, as everywhere in Kubernetes.
#pragma once

#include "apiserver/gate/heavy.h"
#include "apiserver/http/exchange.h"

namespace sampan::apiserver {

// The time limit that the query asks for.
Result<std::optional<Duration>> TimeLimitOf(const Query& query);

// Reads the body, of up to `max_bytes`, and sets exchange->asked->operation as route and verb want it; what has no handler
// is left alone. A large body makes the request a heavy one and is decoded on `heavy`. The pointers outlive the task.
Task<Result<void>> DecodeOperation(Exchange* exchange, size_t max_bytes, HeavyWork* heavy);

}  // namespace sampan::apiserver
