#include "node/server/kubelet_server.h"

#include <charconv>

#include <fmt/ranges.h>

#include "async/contain.h"
#include "async/spawn.h"
#include "base/saturate.h"
#include "net/relay.h"
#include "node/cri/operation_stats.h"
#include "node/logs/log_reader.h"
#include "node/server/resource_metrics.h"

namespace sampan::node {

using std::chrono::milliseconds;

namespace {

constexpr Duration kFollowPeriod = milliseconds(100);

Task<void> Answer(net::ResponseWriter* writer, int status, std::string text,
                  std::string type = "text/plain; charset=utf-8") {
  net::Response response;
  response.status = status;
  response.headers.Add("content-type", std::move(type));
  response.body.push_back(net::Chunk::Copy(std::move(text)));
  co_await writer->Respond(std::move(response));
}

Task<void> AnswerError(net::ResponseWriter* writer, Error error) {
  co_await Answer(writer, HttpStatusOf(error.reason()), error.message() + "\n");
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    size_t end = std::min(path.find('/'), path.size());
    if (end > 0) parts.push_back(net::PercentDecode(path.substr(0, end), net::PlusIsSpace::kNo).value_or(""));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

class Query {
 public:
  explicit Query(std::string_view text) {
    auto parsed = net::ParseQuery(text);
    if (parsed) items_ = *std::move(parsed);
  }
  std::string_view Get(std::string_view name) const {
    auto found = std::ranges::find(items_, name, &std::pair<std::string, std::string>::first);
    return found == items_.end() ? std::string_view() : std::string_view(found->second);
  }
  bool Flag(std::string_view name) const { return Get(name) == "true" || Get(name) == "1"; }
  std::optional<int64_t> Number(std::string_view name) const {
    std::string_view text = Get(name);
    int64_t value = 0;
    auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
  }
  std::vector<std::string> All(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : items_) {
      if (key == name) values.push_back(value);
    }
    return values;
  }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

}  // namespace

Result<LogOptions> LogOptionsOf(std::string_view query_text, WallTime now) {
  const Query query(query_text);
  LogOptions options;
  // An option that cannot be read refuses the request: without it, more would be sent than was asked for.
  auto number = [&](std::string_view name, int64_t least) -> Result<std::optional<int64_t>> {
    std::optional<int64_t> value = query.Number(name);
    if (!value && query.Get(name).empty()) return value;
    if (!value) return Fail(Error::BadRequest("{{\"message\": \"Unable to decode query.\"}}"));
    if (*value < least) return Fail(Error::Invalid("{{\"message\": \"Invalid request.\"}}"));
    return value;
  };
  TRY(options.tail_lines, number("tailLines", 0));
  TRY(options.limit_bytes, number("limitBytes", 1));
  TRY(std::optional<int64_t> since_seconds, number("sinceSeconds", 1));
  options.timestamps = query.Flag("timestamps");
  options.stream = query.Get("stream");
  if (since_seconds) options.since = now - BoundedSeconds(*since_seconds);
  const std::string_view since_time = query.Get("sinceTime");
  if (since_time.empty()) return options;
  std::optional<WallTime> time = ParseTime(since_time);
  if (!time) return Fail(Error::BadRequest("{{\"message\": \"Unable to decode query.\"}}"));
  if (since_seconds) return Fail(Error::Invalid("{{\"message\": \"Invalid request.\"}}"));
  options.since = *time;
  return options;
}

struct KubeletServer::Place {
  std::string uid, sandbox_id, container_id, log_path;
  bool running = false;
  bool tty = false;
};

Result<void> KubeletServer::Start(net::ServerOptions options) {
  TRY(server_, net::Listen(deps_.loops, std::move(options),
                           [this](net::Request& request, net::ResponseWriter& writer) { return Handle(request, writer); }));
  return {};
}

Task<void> KubeletServer::Stop() {
  if (server_ != nullptr) co_await server_->Stop(milliseconds(200));
}

Task<void> KubeletServer::Handle(net::Request& request, net::ResponseWriter& writer) {
  co_await Contained("kubelet request", Serve(request, writer));  // unanswered, it gets a 500
}

Task<void> KubeletServer::Serve(net::Request& request, net::ResponseWriter& writer) {
  if (request.path == "/healthz") {
    co_await Answer(&writer, 200, "ok");
    co_return;
  }
  Result<void> allowed = co_await access_.Check(&request);
  if (!allowed) {
    co_await AnswerError(&writer, allowed.error());
    co_return;
  }
  std::vector<std::string> path = SplitPath(request.path);
  std::string_view sent = request.path;
  if (sent.size() > 1 && sent.ends_with('/')) sent.remove_suffix(1);
  // Who may was decided by the path as it was sent: a spelling that means another one is none of ours.
  if (sent != fmt::format("/{}", fmt::join(path, "/"))) path.clear();
  co_await Route(request, writer, std::move(path));
}

Task<void> KubeletServer::Route(net::Request& request, net::ResponseWriter& writer, std::vector<std::string> path) {
  const std::string first = path.empty() ? std::string() : path[0];
  if (first == "containerLogs" && path.size() == 4) {
    co_await Logs(request, writer, std::move(path));
  } else if ((first == "exec" || first == "attach" || first == "portForward") &&
             path.size() >= (first == "portForward" ? 3 : 4) && path.size() <= (first == "portForward" ? 4 : 5)) {
    co_await Stream(request, writer, std::move(path));
  } else if (first == "pods" && path.size() == 1) {
    co_await Pods(writer);
  } else if (first == "metrics" && path.size() == 1) {
    co_await Answer(&writer, 200, deps_.operations.MetricsText(), "text/plain; version=0.0.4; charset=utf-8");
  } else if (first == "metrics" && path.size() == 2 && path[1] == "resource") {
    co_await ResourceMetrics(writer);
  } else if (first == "stats" && path.size() == 2) {
    co_await Summary(writer);
  } else {
    co_await Answer(&writer, 404, "404 page not found\n");
  }
}

Task<Result<KubeletServer::Place>> KubeletServer::Find(std::string namespace_, std::string pod, std::string container,
                                                       bool previous) {
  PodWorker* worker = deps_.pods.Find(namespace_, pod);
  if (worker == nullptr) co_return Fail(Error::NotFound("pod \"{}\" not found", pod));
  Place place;
  place.uid = worker->pod().metadata.uid;
  const RuntimePod& runtime = worker->runtime();
  if (runtime.sandbox() != nullptr) place.sandbox_id = runtime.sandbox()->id;
  if (container.empty()) co_return place;
  const api::core::PodSpec& spec = worker->pod().spec;
  bool known = false;
  auto look = [&](const auto& list) {
    for (const auto& one : list) {
      if (one.name != container) continue;
      known = true;
      place.tty = one.tty.value_or(false);
    }
  };
  look(spec.containers);
  look(spec.init_containers);
  look(spec.ephemeral_containers);
  if (!known) {
    co_return Fail(Error::NotFound("container \"{}\" in pod \"{}\" is not available", container, pod));
  }
  const cri::Container* run = runtime.Latest(container);
  if (run != nullptr && previous) run = runtime.Before(*run);
  if (run == nullptr && previous) {
    co_return Fail(Error::BadRequest("previous terminated container \"{}\" in pod \"{}\" not found", container, pod));
  }
  if (run == nullptr || run->state == cri::ContainerState::kCreated) {
    const auto& statuses = worker->pod().status.container_statuses;
    auto status = std::ranges::find(statuses, container, &api::core::ContainerStatus::name);
    std::string why = status != statuses.end() && status->state && status->state->waiting ? status->state->waiting->reason
                                                                                          : std::string("ContainerCreating");
    co_return Fail(Error::BadRequest("container \"{}\" in pod \"{}\" is waiting to start: {}", container, pod, why));
  }
  place.container_id = run->id;
  place.log_path = run->log_path;
  place.running = run->state == cri::ContainerState::kRunning;
  co_return place;
}

Task<void> KubeletServer::Logs(net::Request& request, net::ResponseWriter& writer, std::vector<std::string> path) {
  Executor& strand = deps_.services.strand;
  BlockingPool& blocking = deps_.services.blocking;
  const Query query(request.query);
  auto place = co_await RunOn(strand, Find(path[1], path[2], path[3], query.Flag("previous")));
  if (!place) {
    co_await AnswerError(&writer, place.error());
    co_return;
  }
  auto options = LogOptionsOf(request.query, deps_.services.clock.Now());
  if (!options) {
    co_await AnswerError(&writer, options.error());
    co_return;
  }
  auto reader = co_await blocking.Run([&] { return LogReader::Open(place->log_path, *options); });
  if (!reader) {
    co_await AnswerError(&writer, reader.error());
    co_return;
  }
  net::Headers headers;
  headers.Add("content-type", "text/plain; charset=utf-8");
  Result<void> sent = co_await writer.Start(200, std::move(headers));
  bool last_look = !query.Flag("follow") || query.Flag("previous");
  while (sent && !reader->done()) {
    auto text = co_await blocking.Run([&] { return reader->Next(); });
    if (!text || request.gone.Requested()) break;
    if (text->empty() && !reader->at_end()) continue;
    if (!text->empty()) {
      std::vector<net::Chunk> chunks;
      chunks.push_back(net::Chunk::Copy(*std::move(text)));
      sent = co_await writer.Write(std::move(chunks));
      continue;
    }
    if (last_look) break;
    bool waited = co_await deps_.services.clock.Sleep(kFollowPeriod, request.gone);
    if (!waited) break;
    auto now = co_await RunOn(strand, Find(path[1], path[2], path[3], false));
    // What a container wrote before it ended is read once more.
    last_look = !now || now->container_id != place->container_id || !now->running;
  }
  co_await writer.Finish();
}

// {exec|attach}/NAMESPACE/POD[/UID]/CONTAINER, portForward/NAMESPACE/POD[/UID]
Task<void> KubeletServer::Stream(net::Request& request, net::ResponseWriter& writer, std::vector<std::string> path) {
  const bool forward = path[0] == "portForward";
  const std::string container = forward ? std::string() : path.back();
  const std::string uid = path.size() == (forward ? 4 : 5) ? path[3] : std::string();
  auto place = co_await RunOn(deps_.services.strand, Find(path[1], path[2], container, false));
  Result<std::string> url = Fail(Error::NotFound("pod \"{}\" has no running container \"{}\"", path[2], container));
  if (!place) {
    url = Fail(place.error());
  } else if (!uid.empty() && place->uid != uid) {
    url = Fail(Error::NotFound("pod \"{}\" of the uid {} not found", path[2], uid));  // it was replaced
  } else if (forward ? !place->sandbox_id.empty() : place->running) {
    url = co_await StreamUrl(path[0], *place, request.query);
  }
  if (!url) {
    co_await AnswerError(&writer, url.error());
    co_return;
  }
  // "http://127.0.0.1:34567/exec/TOKEN"
  std::string_view rest = *url;
  rest.remove_prefix(std::min(rest.find("//") + 2, rest.size()));
  size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  size_t colon = std::min(authority.rfind(':'), authority.size());
  net::ClientOptions options;
  options.host = authority.substr(0, colon);
  std::string_view port = authority.substr(std::min(colon + 1, authority.size()));
  std::from_chars(port.data(), port.data() + port.size(), options.port);
  std::unique_ptr<net::Client> upstream = net::NewClient(deps_.loops, std::move(options));
  net::StreamingProxyOptions proxy;
  proxy.kind = forward ? net::StreamingKind::kPortForward : net::StreamingKind::kRemoteCommand;
  const Query query(request.query);
  proxy.streams.stdin_open = query.Flag("input") || query.Flag("stdin");
  proxy.streams.stdout_open = query.Flag("output") || query.Flag("stdout");
  proxy.streams.tty = query.Flag("tty");
  proxy.streams.stderr_open = !proxy.streams.tty && (query.Flag("error") || query.Flag("stderr"));
  proxy.upstream.method = "POST";
  proxy.upstream.target = rest.substr(slash);
  for (const std::string_view name : {"x-stream-protocol-version"}) {
    for (const auto& [key, value] : request.headers.items()) {
      if (key == name) proxy.upstream.headers.Add(key, value);
    }
  }
  co_await net::ProxyStreaming(request, writer, *upstream, std::move(proxy));
}

Task<Result<std::string>> KubeletServer::StreamUrl(std::string kind, Place place, std::string query_text) {
  cri::Runtime& runtime = deps_.services.runtime;
  const Query query(query_text);
  if (kind == "portForward") {
    std::vector<int32_t> ports;
    for (const std::string& text : query.All("port")) {
      int32_t port = 0;
      std::from_chars(text.data(), text.data() + text.size(), port);
      if (port > 0 && port < 65536) ports.push_back(port);
    }
    co_return co_await runtime.PortForward(place.sandbox_id, std::move(ports));
  }
  cri::Runtime::StreamOptions streams;
  streams.tty = kind == "attach" ? place.tty : query.Flag("tty");
  streams.stdin_open = query.Flag("input") || query.Flag("stdin");
  streams.stdout_open = query.Flag("output") || query.Flag("stdout");
  streams.stderr_open = !streams.tty && (query.Flag("error") || query.Flag("stderr"));
  if (!streams.stdin_open && !streams.stdout_open && !streams.stderr_open) {
    co_return Fail(Error::BadRequest("you must specify at least 1 of stdin, stdout, stderr"));
  }
  if (kind == "attach") co_return co_await runtime.Attach(place.container_id, streams);
  co_return co_await runtime.Exec(place.container_id, query.All("command"), streams);
}

Task<Result<std::string>> KubeletServer::ListPods() {
  std::string out = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)";
  bool first = true;
  for (PodWorker* worker : deps_.pods.All()) {
    if (!std::exchange(first, false)) out += ',';
    out += api::ToJsonText(worker->pod());
  }
  co_return out + "]}\n";
}

Task<void> KubeletServer::Pods(net::ResponseWriter& writer) {
  auto text = co_await RunOn(deps_.services.strand, ListPods());
  co_await Answer(&writer, 200, *std::move(text), "application/json");
}

Task<void> KubeletServer::ResourceMetrics(net::ResponseWriter& writer) {
  auto stats = co_await deps_.services.runtime.ListStats();
  if (!stats) {
    co_await AnswerError(&writer, stats.error());
    co_return;
  }
  auto node = co_await deps_.services.blocking.Run([] { return ReadNodeUsage(); });
  co_await Answer(&writer, 200, ResourceMetricsText(node, *stats), "text/plain; version=0.0.4; charset=utf-8");
}

Task<void> KubeletServer::Summary(net::ResponseWriter& writer) {
  auto stats = co_await deps_.services.runtime.ListStats();
  if (!stats) {
    co_await AnswerError(&writer, stats.error());
    co_return;
  }
  auto node = co_await deps_.services.blocking.Run([] { return ReadNodeUsage(); });
  co_await Answer(&writer, 200, SummaryJson(deps_.services.node_name, node, *stats, deps_.services.clock.Now()),
                  "application/json");
}

}  // namespace sampan::node
