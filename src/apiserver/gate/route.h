// Where a path and a verb lead: which resource, which kind of body, who does the work. Pure.
#pragma once

#include "apiserver/gate/core.h"
#include "apiserver/gate/outcome.h"
#include "apiserver/request_info.h"

namespace sampan::apiserver {

struct ApiRequest;

// Does the work of one request; sees no HTTP. The arguments outlive the task, which may outlive whoever asked.
using Handler = Task<Result<Outcome>> (*)(const Core* core, ApiRequest* request);

struct Route {
  const Resource* resource = nullptr;       // null for kinds that are answered and not stored, and for documents
  const View* view = nullptr;               // the form the path asks for, when it is not the stored one
  const api::KindInfo* body = nullptr;      // what is sent and answered: the kind of the path, or its subresource's
  const VirtualCreate* answerer = nullptr;  // of kinds that are not stored
  Handler handler = nullptr;                // null: whoever asks serves it by itself (connections, documents)

  // The kind that the path names; the resource is not null.
  const api::KindInfo& kind() const { return view == nullptr ? *resource->kind : *view->kind; }
};

// NotFound for what is not served, MethodNotAllowed for verbs that it has not.
Result<Route> FindRoute(const Core& core, const RequestInfo& info);

// kubectl asks which kinds were added to the server before it calls a manifest's kind unknown. None are: kinds are built in.
bool AsksForAddedKinds(const RequestInfo& info);

// pods/exec, attach, portforward, log, proxy; nodes/proxy; services/proxy.
bool IsConnect(const RequestInfo& info);

}  // namespace sampan::apiserver
