// What HTTP answers by itself: streams, connections, documents. Each computes the answer, or gives it itself where it
// streams. Arguments outlive the returned task.
#pragma once

#include "apiserver/http/context.h"

namespace sampan::apiserver {

// Streams the events of a watch until one side ends it; an expired place is told as its first event.
Task<Answer> SendWatch(HttpContext* context, Exchange* exchange, Result<std::unique_ptr<Watcher>> watcher);

// Connections (IsConnect in gate/route.h).
Task<Answer> HandleConnect(HttpContext* context, Exchange* exchange);

// Everything that is no resource: discovery, OpenAPI, version, metrics. Nothing when the path is unknown.
std::optional<Answer> HandleMeta(HttpContext* context, Exchange* exchange);
// /healthz, /livez and /readyz, which need no authorization. Nothing for other paths.
std::optional<net::Response> HandleHealth(HttpContext* context, const Exchange& exchange);

}  // namespace sampan::apiserver
