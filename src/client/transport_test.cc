#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/types/core.h"
#include "async/clock.h"
#include "async/io_loop.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "base/guarded.h"
#include "client/http_transport.h"
#include "client/kubeconfig.h"
#include "client/typed.h"
#include "net/server.h"

namespace sampan::client {
namespace {

using api::core::ConfigMap;
using api::core::Node;
using api::core::Pod;

TEST(HttpTransport, PathsOfReferences) {
  EXPECT_EQ(ResourcePath(RefOf<Pod>("default", "web-0", "status")), "/api/v1/namespaces/default/pods/web-0/status");
  EXPECT_EQ(ResourcePath(RefOf<Pod>("")), "/api/v1/pods");
  EXPECT_EQ(ResourcePath(RefOf<Node>("", "n1")), "/api/v1/nodes/n1");
  EXPECT_EQ(ResourcePath(Ref{api::FindKind("apps/v1", "Deployment"), "a", "b", "scale"}),
            "/apis/apps/v1/namespaces/a/deployments/b/scale");
}

TEST(HttpTransport, ServerUrls) {
  struct Row {
    const char* url;
    const char* want;  // "tls host port prefix"
  };
  for (const Row& row :
       {Row{"https://10.0.0.1:6443", "1 10.0.0.1 6443 "}, Row{"https://api.example.com", "1 api.example.com 443 "},
        Row{"http://localhost", "0 localhost 80 "}, Row{"https://[::1]:6443/", "1 ::1 6443 "},
        Row{"https://x/k8s/clusters/c-1/", "1 x 443 /k8s/clusters/c-1"}, Row{"ftp://x", ""}, Row{"https://", ""},
        Row{"https://x:99999", ""}, Row{"https://x:y", ""}}) {
    Result<ServerUrl> url = ParseServerUrl(row.url);
    std::string got = url ? fmt::format("{:d} {} {} {}", url->tls, url->host, url->port, url->prefix) : "";
    EXPECT_EQ(got, row.want) << row.url;
  }
}

TEST(Kubeconfig, RoundTripsAndNamesWhatIsMissing) {
  ClientConfig config;
  config.server = "https://10.0.0.1:6443";
  config.ca_pem = "CA";
  config.client_certificate_pem = "CERT";
  config.client_key_pem = "KEY";
  config.namespace_ = "team";
  Result<ClientConfig> back = ParseKubeconfig(FormatKubeconfig(config, "sampan"));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->server, config.server);
  EXPECT_EQ(back->ca_pem, "CA");
  EXPECT_EQ(back->client_certificate_pem, "CERT");
  EXPECT_EQ(back->client_key_pem, "KEY");
  EXPECT_EQ(back->namespace_, "team");

  struct Row {
    const char* yaml;
    const char* context;
    const char* error;
  };
  const Row rows[] = {
      {"clusters: []", "", "kubeconfig: no context was named and current-context is not set"},
      {"current-context: a", "", "kubeconfig: contexts has no entry \"a\" with a context"},
      {"contexts: [{name: a, context: {cluster: c}}]", "a", "kubeconfig: clusters has no entry \"c\" with a cluster"},
      {"contexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {}}]", "a",
       "kubeconfig: cluster \"c\" names no server"},
      {"contexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: s, "
       "certificate-authority-data: '?'}}]",
       "a", "kubeconfig: certificate-authority-data is not base64"},
  };
  for (const Row& row : rows) {
    Result<ClientConfig> parsed = ParseKubeconfig(row.yaml, row.context);
    ASSERT_FALSE(parsed) << row.yaml;
    EXPECT_EQ(parsed.error().message(), row.error);
  }
}

// A server that answers what is scripted by "METHOD target", and remembers what it was asked.
struct Script {
  struct Answer {
    int status = 200;
    std::vector<std::string> pieces;
  };
  std::map<std::string, Answer> answers;
  std::vector<std::string> asked;
};

Task<void> Serve(Guarded<Script>* script, net::Request* request, net::ResponseWriter* writer) {
  std::string target = request->query.empty() ? request->path : request->path + "?" + request->query;
  std::string key = request->method + " " + target;
  Script::Answer answer{404, {R"({"kind":"Status","reason":"NotFound","message":"gone","code":404})"}};
  auto body = co_await request->body->ReadAll(1 << 20);
  {
    auto locked = script->Lock();
    locked->asked.push_back(fmt::format("{} {} {}", key, request->headers.Get("content-type"), body.value_or("broken")));
    auto found = locked->answers.find(key);
    if (found != locked->answers.end()) answer = found->second;
  }
  net::Headers headers;
  headers.Add("content-type", "application/json");
  Result<void> done = co_await writer->Start(answer.status, std::move(headers));
  for (std::string& piece : answer.pieces) {
    std::vector<net::Chunk> chunks;
    chunks.push_back(net::Chunk::Copy(std::move(piece)));
    if (done) done = co_await writer->Write(std::move(chunks));
  }
  if (done) done = co_await writer->Finish();
}

struct HttpHarness {
  std::unique_ptr<Clock> clock = NewSystemClock();
  // Before the loops: their threads post to it until they have been joined.
  std::unique_ptr<Executor> pool = NewThreadPool("test", 2);
  IoLoops loops{1};
  Guarded<Script> script;
  std::unique_ptr<net::Server> server;
  std::unique_ptr<Client> client;

  HttpHarness() {
    net::ServerOptions options;
    options.address = "127.0.0.1";
    auto listening = net::Listen(loops, std::move(options), [this](net::Request& request, net::ResponseWriter& writer) {
      return Serve(&script, &request, &writer);
    });
    CHECK(listening.has_value());
    server = *std::move(listening);
    ClientConfig config;
    config.server = fmt::format("http://127.0.0.1:{}", server->port());
    config.token = "t";
    auto made = NewHttpClient(loops, *clock, std::move(config));
    CHECK(made.has_value());
    client = *std::move(made);
  }
  ~HttpHarness() {
    client.reset();
    SyncWait(*pool, server->Stop(Duration(0)));
  }
  void Answer(const std::string& request, int status, std::vector<std::string> pieces) {
    script.Lock()->answers[request] = {status, std::move(pieces)};
  }
  std::string LastAsked() { return script.Lock()->asked.back(); }
};

TEST(HttpTransport, RequestsAndErrors) {
  HttpHarness h;
  h.Answer(
      "GET /api/v1/namespaces/d/configmaps/a", 200,
      {R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"d","resourceVersion":"7"},"data":{"k":"v"}})"});
  auto map = SyncWait(*h.pool, Get<ConfigMap>(*h.client, "d", "a"));
  ASSERT_TRUE(map) << map.error().message();
  EXPECT_EQ((*map)->data.Get("k"), "v");
  EXPECT_EQ(map->object()->revision(), 7);

  h.Answer(
      "GET /api/v1/configmaps?labelSelector=app%3Dweb", 200,
      {R"({"kind":"ConfigMapList","metadata":{"resourceVersion":"9","continue":"c"},"items":[{"metadata":{"name":"a"}}]})"});
  auto list = SyncWait(*h.pool, h.client->List(RefOf<ConfigMap>(""), {.label_selector = "app=web"}));
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->revision, 9);
  EXPECT_EQ(list->continue_token, "c");
  ASSERT_EQ(list->items.size(), 1u);
  EXPECT_EQ(list->items[0]->head().kind, "ConfigMap");

  auto missing = SyncWait(*h.pool, Get<ConfigMap>(*h.client, "d", "none"));
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().Is(Reason::kNotFound));
  EXPECT_EQ(missing.error().message(), "gone");

  ConfigMap fresh;
  fresh.metadata.name = "n";
  fresh.metadata.namespace_ = "d";
  auto refused = SyncWait(*h.pool, Create(*h.client, fresh));
  EXPECT_FALSE(refused);
  EXPECT_TRUE(h.LastAsked().starts_with("POST /api/v1/namespaces/d/configmaps application/json {")) << h.LastAsked();
  auto patched = SyncWait(*h.pool, MergePatch<ConfigMap>(*h.client, "d", "a", json::Object{{"data", nullptr}}));
  EXPECT_FALSE(patched);
  EXPECT_EQ(h.LastAsked(), R"(PATCH /api/v1/namespaces/d/configmaps/a application/merge-patch+json {"data":null})");
}

TEST(HttpTransport, WatchReadsEventsAcrossPieces) {
  HttpHarness h;
  h.Answer("GET /api/v1/configmaps?watch=true&allowWatchBookmarks=true&resourceVersion=5", 200,
           {R"({"type":"ADDED","object":{"kind":"ConfigMap","metadata":{"name":"a","resourceVe)",
            "rsion\":\"6\"}}}\n{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}\n",
            "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"reason\":\"Expired\",\"message\":\"too "
            "old\",\"code\":410}}\n"});
  auto watch = SyncWait(*h.pool, h.client->Watch(RefOf<ConfigMap>(""), {.from = 5}));
  ASSERT_TRUE(watch) << watch.error().message();
  std::string seen;
  while (true) {
    auto events = SyncWait(*h.pool, (*watch)->Next());
    if (!events) {
      seen += ReasonName(events.error().reason());
      break;
    }
    ASSERT_TRUE(events->has_value());
    for (const WatchEvent& event : **events) {
      seen += fmt::format("{}{} ", event.object ? event.object->name() : "-", event.revision);
    }
  }
  EXPECT_EQ(seen, "a6 -8 Expired");
}

Task<Result<size_t>> CountMaps(Client* client, CancelToken stop) {
  CO_TRY(ListResult list, co_await client->List(RefOf<ConfigMap>(""), {.stop = std::move(stop)}));
  co_return list.items.size();
}
Task<Result<size_t>> CancelAfterwards(CancelSource* stop) {
  co_await Yield();
  stop->Cancel();
  co_return size_t{0};
}

TEST(HttpTransport, AListEndsWhenAskedTo) {
  HttpHarness h;
  // A server that takes connections and never answers.
  int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent, 8), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ClientConfig config;
  config.server = fmt::format("http://127.0.0.1:{}", ntohs(address.sin_port));
  auto client = NewHttpClient(h.loops, *h.clock, std::move(config), {.timeout = Duration(0)});
  ASSERT_TRUE(client);
  CancelSource stop;
  std::vector<Task<Result<size_t>>> both;
  both.push_back(CountMaps(client->get(), stop.token()));
  both.push_back(CancelAfterwards(&stop));
  auto results = SyncWait(*h.pool, WhenAll(std::move(both)));
  EXPECT_FALSE(results[0]);
  ::close(silent);
}

TEST(HttpTransport, GoesWhereItIsSentFromNowOn) {
  HttpHarness before, after;
  constexpr char kMap[] =
      R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"d","resourceVersion":"7"},"data":{"k":"%s"}})";
  auto answer = [&](HttpHarness& h, const std::string& value) {
    std::string text = kMap;
    h.Answer("GET /api/v1/namespaces/d/configmaps/a", 200, {text.replace(text.find("%s"), 2, value)});
  };
  answer(before, "old");
  answer(after, "new");
  ClientConfig config;
  config.server = fmt::format("http://127.0.0.1:{}", before.server->port());
  auto client = *NewHttpClient(before.loops, *before.clock, config);
  EXPECT_EQ((*SyncWait(*before.pool, Get<ConfigMap>(*client, "d", "a")))->data.Get("k"), "old");
  config.server = fmt::format("http://127.0.0.1:{}", after.server->port());
  config.token = "other";
  ASSERT_TRUE(client->SetConfig(config));
  EXPECT_EQ((*SyncWait(*before.pool, Get<ConfigMap>(*client, "d", "a")))->data.Get("k"), "new");
  config.server = "nonsense";
  EXPECT_FALSE(client->SetConfig(config)) << "and stays where it was";
  EXPECT_EQ((*SyncWait(*before.pool, Get<ConfigMap>(*client, "d", "a")))->data.Get("k"), "new");
}

}  // namespace
}  // namespace sampan::client
