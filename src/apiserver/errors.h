// The errors of the API in Kubernetes' own words, and their form on the wire, metav1.Status.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "base/error.h"

namespace sampan::apiserver {

// `pods "x" not found`
Error NotFoundError(const api::KindInfo& kind, std::string_view name);
// `pods "x" already exists`
Error AlreadyExistsError(const api::KindInfo& kind, std::string_view name);
// `Operation cannot be fulfilled on deployments.apps "x": why`
Error ConflictError(const api::KindInfo& kind, std::string_view name, std::string_view why);
// The conflict of a stale resourceVersion.
Error ModifiedError(const api::KindInfo& kind, std::string_view name);
// `pods "x" is forbidden: why`
Error ForbiddenError(const api::KindInfo& kind, std::string_view name, std::string_view why);
// `Deployment.apps "x" is invalid: spec.replicas: Invalid value: ...`
Error InvalidError(const api::KindInfo& kind, std::string_view name, std::vector<ErrorCause> causes);
// No such path below a served group and version.
Error UnknownResourceError();
Error MethodNotAllowedError();
Error TooManyRequestsError();
// What decides about requests is not loaded yet.
Error StartingError();
// The time limit of a request has passed.
Error TimeoutError();

// The resource as error texts name it: "deployments.apps", "pods".
std::string QualifiedResource(const api::KindInfo& kind);

// JSON of metav1.Status; `code` is the HTTP status where the reason does not say it all.
std::string FailureStatus(const Error& error, int code = 0);
struct StatusSubject {
  std::string_view name, group, kind, uid;
};
std::string SuccessStatus(const StatusSubject& subject);

}  // namespace sampan::apiserver
