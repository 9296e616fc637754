// One HTTP request on its way through the server.
#pragma once

#include <optional>
#include <string>

#include "apiserver/auth/auth.h"
#include "apiserver/http/negotiate.h"
#include "apiserver/registry/registry.h"
#include "apiserver/request_info.h"
#include "net/http.h"

namespace sampan::apiserver {

// Lives in the frame of the request's handler, on the connection's executor.
struct Exchange {
  net::Request& request;
  net::ResponseWriter& writer;
  Query query;
  RequestInfo info;
  auth::UserInfo user;
  const Resource* resource = nullptr;  // null when the path names none that is stored
  const View* view = nullptr;          // the form the path asks for, when it is not the stored one
  int status = 0;                      // that was answered, for the metrics
  std::string audit_id;                // goes out with the answer
  std::string body;                    // of a request that changes something, once its user may send it

  // The kind that the path names; the resource is not null.
  const api::KindInfo& kind() const { return view == nullptr ? *resource->kind : *view->kind; }
};

// An answer still to be sent; nothing when the handler has sent it itself (watch, streaming).
using Answer = Result<std::optional<net::Response>>;

// What the authorizer is asked; points into `exchange`.
auth::Attributes AttributesOf(const Exchange& exchange);

net::Response TextResponse(int status, std::string text);
net::Response JsonResponse(int status, std::string body);
net::Response ErrorResponse(const Error& error);
void AddWarnings(const std::vector<std::string>& warnings, net::Response& response);

// A query parameter that is a whole number; nothing when absent, BadRequest when malformed.
Result<std::optional<int64_t>> IntegerParameter(const Query& query, std::string_view name);

}  // namespace sampan::apiserver
