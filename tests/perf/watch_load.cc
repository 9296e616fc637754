// sampan-watch-load --kubeconfig FILE [--watchers 1000] [--writes 20]
//
// Opens watches of one ConfigMap, each over a connection of its own, then writes it again and again and measures the time
// from sending a write to its event at each watcher. Prints one JSON object.
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <span>
#include <vector>

#include "async/clock.h"
#include "async/io_loop.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "client/http_transport.h"
#include "client/kubeconfig.h"
#include "net/client.h"

namespace sampan {
namespace {

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";
constexpr std::string_view kName = "watch-load";
constexpr Duration kPatience = std::chrono::seconds(20);  // for one write to reach all, and for all watches to open
constexpr Duration kPause = std::chrono::milliseconds(50);
constexpr size_t kOpening = 32;  // connections made at a time

struct Arguments {
  std::string kubeconfig;
  size_t watchers = 1000;
  size_t writes = 20;
};

// One event loop runs everything here, so nothing is locked.
struct Load {
  const Arguments& arguments;
  net::Client& http;
  Clock& clock;
  size_t opening = 0;   // watches asked for
  size_t received = 0;  // events of all watchers
  MonoTime sent{};
  std::vector<double> latencies;  // milliseconds, of each watcher
  std::vector<double> slowest;    // of each write
  std::vector<std::unique_ptr<net::ClientResponse>> streams;
  CancelSource stop;
};

double Milliseconds(Duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

Task<Result<void>> Send(Load* load, std::string method, std::string target, std::string type, std::string body) {
  net::ClientRequest request{.method = std::move(method), .target = std::move(target)};
  if (!type.empty()) request.headers.Add("content-type", std::move(type));
  request.body = std::move(body);
  CO_TRY(auto response, co_await load->http.Send(std::move(request)));
  CO_TRY(std::string text, co_await response->ReadAll(size_t{1} << 20));
  if (response->status() > 299) co_return Fail(Error::InternalError("status {}: {}", response->status(), text));
  co_return Result<void>();
}

// An event is a line.
Task<void> Read(Load* load, net::ClientResponse* stream) {
  while (true) {
    auto piece = co_await stream->ReadSome();
    if (!piece || piece->empty()) co_return;
    double took = Milliseconds(load->clock.Monotonic() - load->sent);
    for (char c : *piece) {
      if (c != '\n') continue;
      ++load->received;
      load->latencies.push_back(took);
    }
  }
}

Task<Result<void>> OpenWatches(Load* load, Executor* executor, Gate* readers) {
  while (load->opening < load->arguments.watchers) {
    ++load->opening;
    net::ClientRequest request{
        .target = fmt::format("{}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3D{}", kMaps, kName)};
    CO_TRY(auto stream, co_await load->http.Send(std::move(request), load->stop.token()));
    if (stream->status() != 200) co_return Fail(Error::InternalError("a watch was answered with {}", stream->status()));
    load->streams.push_back(std::move(stream));
    Spawn(*executor, *readers, Read(load, load->streams.back().get()));
  }
  co_return Result<void>();
}

Task<Result<void>> AwaitEvents(Load* load, size_t events) {
  MonoTime deadline = load->clock.Monotonic() + kPatience;
  while (load->received < events) {
    if (load->clock.Monotonic() > deadline) {
      co_return Fail(Error::Timeout("{} of {} events came in time", load->received, events));
    }
    co_await load->clock.Sleep(std::chrono::milliseconds(1));
  }
  co_return Result<void>();
}

Task<Result<void>> Write(Load* load) {
  for (size_t i = 0; i < load->arguments.writes; ++i) {
    co_await load->clock.Sleep(kPause);
    const size_t before = load->latencies.size();
    load->sent = load->clock.Monotonic();
    CO_TRY_VOID(co_await Send(load, "PATCH", fmt::format("{}/{}", kMaps, kName), "application/merge-patch+json",
                              fmt::format(R"({{"data":{{"key":"{}"}}}})", i)));
    CO_TRY_VOID(co_await AwaitEvents(load, load->received - (load->latencies.size() - before) + load->arguments.watchers));
    load->slowest.push_back(
        *std::max_element(load->latencies.begin() + static_cast<ptrdiff_t>(before), load->latencies.end()));
  }
  co_return Result<void>();
}

Task<Result<void>> Run(Load* load) {
  Executor& executor = co_await ThisExecutor();
  (void)co_await Send(load, "DELETE", fmt::format("{}/{}", kMaps, kName), "", "");
  CO_TRY_VOID(co_await Send(load, "POST", std::string(kMaps), "application/json",
                            fmt::format(R"({{"metadata":{{"name":"{}"}},"data":{{"key":"value"}}}})", kName)));
  Gate readers;
  std::vector<Task<Result<void>>> openers;
  for (size_t i = 0; i < kOpening; ++i) openers.push_back(OpenWatches(load, &executor, &readers));
  Result<void> done;
  for (Result<void>& opened : co_await WhenAll(std::move(openers))) {
    if (!opened) done = std::move(opened);
  }
  // Each watch begins with the object as it is.
  if (done) done = co_await AwaitEvents(load, load->arguments.watchers);
  load->latencies.clear();
  if (done) done = co_await Write(load);
  load->stop.Cancel();
  co_await readers.Close();
  load->streams.clear();
  co_return done;
}

double Percentile(std::vector<double>& values, double percent) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[static_cast<size_t>(percent / 100 * static_cast<double>(values.size() - 1))];
}

Result<void> RunLoad(const Arguments& arguments) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  TRY(client::ClientConfig config, client::LoadKubeconfig(arguments.kubeconfig));
  TRY(client::ServerUrl url, client::ParseServerUrl(config.server));
  net::ClientOptions options{.host = url.host, .port = url.port};
  options.tls =
      std::make_shared<net::TlsClientOptions>(net::TlsClientOptions{.ca_pem = config.ca_pem,
                                                                    .certificate_pem = config.client_certificate_pem,
                                                                    .key_pem = config.client_key_pem,
                                                                    .skip_verify = false,
                                                                    .server_name = {}});
  IoLoops loops(1);
  std::unique_ptr<Clock> clock = NewSystemClock();
  std::unique_ptr<net::Client> http = net::NewClient(loops, std::move(options));
  Load load{.arguments = arguments, .http = *http, .clock = *clock};
  TRY_VOID(SyncWait(loops.at(0), Run(&load)));
  std::printf(R"({"watchers":%zu,"writes":%zu,"median_ms":%.2f,"p99_ms":%.2f,"slowest_median_ms":%.2f})"
              "\n",
              arguments.watchers, arguments.writes, Percentile(load.latencies, 50), Percentile(load.latencies, 99),
              Percentile(load.slowest, 50));
  return {};
}

Result<Arguments> Parse(std::span<char*> words) {
  Arguments arguments;
  for (size_t i = 1; i + 1 < words.size(); i += 2) {
    std::string_view name = words[i], value = words[i + 1];
    if (name == "--kubeconfig") {
      arguments.kubeconfig = value;
      continue;
    }
    if (name != "--watchers" && name != "--writes") return Fail(Error::BadRequest("unknown flag {}", name));
    size_t& number = name == "--watchers" ? arguments.watchers : arguments.writes;
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number == 0) {
      return Fail(Error::BadRequest("{}: \"{}\" is not a number above 0", name, value));
    }
  }
  if (arguments.kubeconfig.empty() || words.size() % 2 == 0) {
    return Fail(Error::BadRequest("usage: sampan-watch-load --kubeconfig FILE [--watchers 1000] [--writes 20]"));
  }
  return arguments;
}

}  // namespace
}  // namespace sampan

int main(int count, char** words) {
  auto arguments = sampan::Parse({words, static_cast<size_t>(count)});
  sampan::Result<void> done = arguments ? sampan::RunLoad(*arguments) : sampan::Fail(std::move(arguments).error());
  if (done) return 0;
  std::fprintf(stderr, "sampan-watch-load: %s\n", done.error().message().c_str());
  return 1;
}
