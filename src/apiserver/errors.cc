#include "apiserver/errors.h"

#include "codec/json.h"
#include "codec/utf8.h"

namespace sampan::apiserver {

namespace {

ErrorDetails DetailsOf(const api::KindInfo& kind, std::string_view name) {
  ErrorDetails details;
  details.group = kind.group;
  details.kind = kind.resource;
  details.name = name;
  return details;
}

void AppendField(std::string_view key, std::string_view value, std::string& out) {
  if (value.empty()) return;
  if (out.back() != '{') out += ',';
  out += '"';
  out += key;
  out += "\":";
  json::AppendQuoted(value, out);
}

void AppendDetails(const ErrorDetails& details, std::string& out) {
  out += '{';
  AppendField("name", details.name, out);
  AppendField("group", details.group, out);
  AppendField("kind", details.kind, out);
  AppendField("uid", details.uid, out);
  if (!details.causes.empty()) {
    if (out.back() != '{') out += ',';
    out += "\"causes\":[";
    for (const ErrorCause& cause : details.causes) {
      if (out.back() == '}') out += ',';
      out += '{';
      AppendField("reason", cause.type, out);
      AppendField("message", cause.message, out);
      AppendField("field", cause.field, out);
      out += '}';
    }
    out += ']';
  }
  if (details.retry_after_seconds > 0) {
    if (out.back() != '{') out += ',';
    out += fmt::format("\"retryAfterSeconds\":{}", details.retry_after_seconds);
  }
  out += '}';
}

// Kubernetes publishes a cause's type and message; the text of the error also names the field.
std::string JoinCauses(const std::vector<ErrorCause>& causes) {
  auto text = [](const ErrorCause& cause) {
    return cause.field.empty() ? cause.message : fmt::format("{}: {}", cause.field, cause.message);
  };
  if (causes.size() == 1) return text(causes[0]);
  std::string joined = "[";
  for (const ErrorCause& cause : causes) {
    if (joined.size() > 1) joined += ", ";
    joined += text(cause);
  }
  return joined + "]";
}

}  // namespace

std::string QualifiedResource(const api::KindInfo& kind) {
  return kind.group.empty() ? kind.resource : kind.resource + "." + kind.group;
}

Error NotFoundError(const api::KindInfo& kind, std::string_view name) {
  return Error::NotFound("{} \"{}\" not found", QualifiedResource(kind), name).WithDetails(DetailsOf(kind, name));
}

Error AlreadyExistsError(const api::KindInfo& kind, std::string_view name) {
  return Error::AlreadyExists("{} \"{}\" already exists", QualifiedResource(kind), name).WithDetails(DetailsOf(kind, name));
}

Error ConflictError(const api::KindInfo& kind, std::string_view name, std::string_view why) {
  return Error::Conflict("Operation cannot be fulfilled on {} \"{}\": {}", QualifiedResource(kind), name, why)
      .WithDetails(DetailsOf(kind, name));
}

Error ModifiedError(const api::KindInfo& kind, std::string_view name) {
  return ConflictError(kind, name,
                       "the object has been modified; please apply your changes to the latest version and try again");
}

Error ForbiddenError(const api::KindInfo& kind, std::string_view name, std::string_view why) {
  return Error::Forbidden("{} \"{}\" is forbidden: {}", QualifiedResource(kind), name, why)
      .WithDetails(DetailsOf(kind, name));
}

Error InvalidError(const api::KindInfo& kind, std::string_view name, std::vector<ErrorCause> causes) {
  ErrorDetails details;
  details.group = kind.group;
  details.kind = kind.kind;
  details.name = name;
  std::string joined = JoinCauses(causes);
  details.causes = std::move(causes);
  std::string qualified = kind.group.empty() ? kind.kind : kind.kind + "." + kind.group;
  return Error::Invalid("{} \"{}\" is invalid: {}", qualified, name, joined).WithDetails(std::move(details));
}

Error UnknownResourceError() {
  return Error::NotFound("the server could not find the requested resource").WithDetails({});
}

Error MethodNotAllowedError() {
  return Error::MethodNotAllowed("the server does not allow this method on the requested resource").WithDetails({});
}

Error TooManyRequestsError() {
  ErrorDetails details;
  details.retry_after_seconds = 1;
  return Error::TooManyRequests("too many requests, please try again later").WithDetails(std::move(details));
}

Error StartingError() {
  ErrorDetails details;
  details.retry_after_seconds = 1;
  return Error::ServiceUnavailable("storage is (re)initializing").WithDetails(std::move(details));
}

Error TimeoutError() {
  return Error::Timeout("Timeout: request did not complete within the allotted timeout").WithDetails({});
}

std::string FailureStatus(const Error& error, int code) {
  std::string out = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure")";
  AppendField("message", error.message(), out);
  AppendField("reason", ReasonName(error.reason()), out);
  if (error.details() != nullptr) {
    out += ",\"details\":";
    AppendDetails(*error.details(), out);
  }
  out += fmt::format(",\"code\":{}}}\n", code != 0 ? code : HttpStatusOf(error.reason()));
  // Messages show what clients sent: paths, names, values.
  return utf8::IsValid(out) ? out : utf8::Repaired(out);
}

std::string SuccessStatus(const StatusSubject& subject) {
  std::string out = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{)";
  AppendField("name", subject.name, out);
  AppendField("group", subject.group, out);
  AppendField("kind", subject.kind, out);
  AppendField("uid", subject.uid, out);
  out += "}}\n";
  return out;
}

}  // namespace sampan::apiserver
