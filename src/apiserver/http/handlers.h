// The handlers behind the router, by what a request wants. Each computes the answer, or gives it itself where it streams.
// Arguments outlive the returned task.
#pragma once

#include "apiserver/http/context.h"

namespace sampan::apiserver {

Task<Answer> HandleGet(HttpContext* context, Exchange* exchange);
Task<Answer> HandleList(HttpContext* context, Exchange* exchange);
Task<Answer> HandleWatch(HttpContext* context, Exchange* exchange);
Task<Answer> HandleCreate(HttpContext* context, Exchange* exchange);
Task<Answer> HandleUpdate(HttpContext* context, Exchange* exchange);
Task<Answer> HandlePatch(HttpContext* context, Exchange* exchange);
Task<Answer> HandleDelete(HttpContext* context, Exchange* exchange);
Task<Answer> HandleDeleteCollection(HttpContext* context, Exchange* exchange);

// pods/exec, attach, portforward, log, proxy; nodes/proxy; services/proxy.
bool IsConnect(const Exchange& exchange);
Task<Answer> HandleConnect(HttpContext* context, Exchange* exchange);

// Everything that is no resource: discovery, OpenAPI, version, metrics. Nothing when the path is unknown.
std::optional<Answer> HandleMeta(HttpContext* context, Exchange* exchange);
// /healthz, /livez and /readyz, which need no authorization. Nothing for other paths.
std::optional<net::Response> HandleHealth(HttpContext* context, const Exchange& exchange);

}  // namespace sampan::apiserver
