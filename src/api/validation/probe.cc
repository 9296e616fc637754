#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

void HttpGet(const View& action, Causes& causes) {
  View path = action["path"];
  if (path.Empty()) causes.Required(path.path());
  PortNumberOrName(action["port"], causes);
  OneOf(action["scheme"], {"HTTP", "HTTPS"}, causes);
  View headers = action["httpHeaders"];
  headers.ForEach([&](const View& header) {
    std::string_view name = header["name"].Str();
    if (auto fault = names::HttpHeader(name)) causes.Invalid(headers.path(), name, *fault);
  });
}

// The action of a probe or a hook: exactly one of `kinds`.
void Handler(const View& handler, std::initializer_list<std::string_view> kinds, Causes& causes) {
  size_t count = 0;
  for (std::string_view kind : kinds) {
    View action = handler[kind];
    if (!action.Present()) continue;
    if (++count > 1) {
      causes.Forbidden(action.path(), "may not specify more than 1 handler type");
      continue;
    }
    View command = action["command"];
    if (kind == "exec" && command.Empty()) causes.Required(command.path());
    if (kind == "httpGet") HttpGet(action, causes);
    if (kind == "tcpSocket") PortNumberOrName(action["port"], causes);
    if (kind == "grpc") PortNumber(action["port"], causes);
  }
  if (count == 0) causes.Required(handler.path(), "must specify a handler type");
}

}  // namespace

void Probe(const View& probe, Causes& causes) {
  Handler(probe, {"exec", "httpGet", "tcpSocket", "grpc"}, causes);
  for (std::string_view field :
       {"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"}) {
    NonNegative(probe[field], causes);
  }
  Positive(probe["terminationGracePeriodSeconds"], causes);
}

void Lifecycle(const View& lifecycle, const View& grace_period, Causes& causes) {
  for (std::string_view field : {"postStart", "preStop"}) {
    View hook = lifecycle[field];
    if (!hook.Present()) continue;
    Handler(hook, {"exec", "httpGet", "tcpSocket", "sleep"}, causes);
    View sleep = hook["sleep"];
    if (!sleep.Present()) continue;
    View seconds = sleep["seconds"];
    int64_t most = grace_period.MaybeInt().value_or(30);
    if (seconds.Int() < 0 || seconds.Int() > most) {
      causes.Invalid(sleep.path(), seconds.Int(),
                     fmt::format("must be non-negative and less than terminationGracePeriodSeconds ({})", most));
    }
  }
}

}  // namespace sampan::api::rules
