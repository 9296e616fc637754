#include "apiserver/proxy/kubelet_target.h"

#include "api/types/core.h"
#include "api/validation/causes.h"
#include "apiserver/http/exchange.h"
#include "net/http.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kDefaultContainer = "kubectl.kubernetes.io/default-container";

void Add(std::string_view key, std::string_view value, std::string& query) {
  query += query.empty() ? '?' : '&';
  query += key;
  query += '=';
  query += net::PercentEncode(value);
}

// kubectl's names of the streams are not the kubelet's.
std::string StreamQuery(const Query& query) {
  std::string out;
  constexpr std::pair<std::string_view, std::string_view> kStreams[] = {
      {"stdin", "input"}, {"stdout", "output"}, {"stderr", "error"}, {"tty", "tty"}};
  for (const auto& [ours, theirs] : kStreams) {
    if (query.Flag(ours)) Add(theirs, "1", out);
  }
  for (std::string_view word : query.All("command")) Add("command", word, out);
  return out;
}

Result<void> CheckLogOptions(std::string_view pod, const Query& query) {
  struct Bound {
    std::string_view name, fault;
    int64_t least;
  };
  constexpr Bound kBounds[] = {{"tailLines", "must be greater than or equal to 0", 0},
                               {"limitBytes", "must be greater than 0", 1},
                               {"sinceSeconds", "must be greater than 0", 1}};
  api::Causes causes;
  if (query.Has("sinceSeconds") && query.Has("sinceTime")) {
    causes.Forbidden(api::Path(), "at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  for (const Bound& bound : kBounds) {
    TRY(std::optional<int64_t> value, IntegerParameter(query, bound.name));
    if (value && *value < bound.least) causes.Invalid(api::Path(bound.name), *value, bound.fault);
  }
  if (query.Has("sinceTime") && !ParseTime(query.Get("sinceTime"))) {
    return Fail(
        Error::BadRequest("parsing time \"{}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse", query.Get("sinceTime")));
  }
  std::string_view stream = query.Get("stream");
  if (query.Has("stream") && stream != "All" && stream != "Stdout" && stream != "Stderr") {
    causes.NotSupported(api::Path("stream"), stream, {"All", "Stderr", "Stdout"});
  }
  if (causes.empty()) return {};
  return Fail(std::move(causes).ToError("", "PodLogOptions", pod));
}

Result<std::string> LogQuery(std::string_view pod, const Query& query) {
  std::string out;
  TRY_VOID(CheckLogOptions(pod, query));
  for (std::string_view key :
       {"follow", "previous", "timestamps", "tailLines", "limitBytes", "sinceSeconds", "sinceTime", "stream"}) {
    if (query.Has(key)) Add(key, query.Get(key), out);
  }
  return out;
}

}  // namespace

Result<std::string> ChooseContainer(const api::Object& object, std::string_view wanted) {
  const auto& pod = object.As<api::core::Pod>();
  std::string names;
  bool found = false;
  auto visit = [&](const auto& containers) {
    for (const auto& container : containers) found = found || container.name == wanted;
  };
  if (!wanted.empty()) {
    visit(pod.spec.containers);
    visit(pod.spec.init_containers);
    visit(pod.spec.ephemeral_containers);
    if (found) return std::string(wanted);
    return Fail(Error::BadRequest("container {} is not valid for pod {}", wanted, object.name()));
  }
  if (pod.spec.containers.size() == 1) return pod.spec.containers[0].name;
  for (const auto& [key, value] : pod.metadata.annotations) {
    if (key == kDefaultContainer) return ChooseContainer(object, value);
  }
  for (const auto& container : pod.spec.containers) names += (names.empty() ? "" : " ") + container.name;
  return Fail(Error::BadRequest("a container name must be specified for pod {}, choose one of: [{}]", object.name(), names));
}

Result<std::string> KubeletTarget(const api::Object& pod, std::string_view subresource, const Query& query) {
  std::string place = fmt::format("{}/{}", pod.namespace_(), pod.name());
  if (subresource == "portforward") {
    std::string ports;
    for (std::string_view port : query.All("ports")) {
      TRY(int64_t number, ParseInteger(port));
      if (number < 1 || number > 65535) return Fail(Error::BadRequest("port {} is not between 1 and 65535", number));
      Add("port", port, ports);
    }
    return fmt::format("/portForward/{}{}", place, ports);
  }
  TRY(std::string container, ChooseContainer(pod, query.Get("container")));
  if (subresource == "log") {
    TRY(std::string options, LogQuery(pod.name(), query));
    return fmt::format("/containerLogs/{}/{}{}", place, container, options);
  }
  return fmt::format("/{}/{}/{}{}", subresource, place, container, StreamQuery(query));
}

}  // namespace sampan::apiserver
