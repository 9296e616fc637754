// What is particular to single kinds, as a client sees it.
#include <gtest/gtest.h>

#include <filesystem>

#include "api/types/core.h"
#include "apiserver/testing/test_server.h"
#include "async/spawn.h"

namespace sampan::apiserver {
namespace {

std::string_view Text(const json::Value& value, auto... path) {
  return json::FindString(json::Find(value, path...));
}

constexpr std::string_view kServices = "/api/v1/namespaces/default/services";
constexpr std::string_view kPods = "/api/v1/namespaces/default/pods";

std::string Service(std::string_view name, std::string_view spec) {
  return fmt::format(R"({{"metadata":{{"name":"{}"}},"spec":{{"ports":[{{"port":80}}]{}}}}})", name, spec);
}

constexpr std::string_view kPod = R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})";

void AddDefaultAccount(TestServer& server) {
  Reply made = server.Post("/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"default"}})");
  ASSERT_EQ(made.status, 201) << made.body;
}

TEST(Services, AllocateAndReleaseAddressesAndPorts) {
  TestServer server;
  json::Value plain = server.Post(kServices, Service("a", "")).Json();
  std::string address(Text(plain, "spec", "clusterIP"));
  EXPECT_TRUE(address.starts_with("10.")) << json::Serialize(plain);
  EXPECT_EQ(json::Serialize(*json::Find(plain, "spec", "ipFamilies")), R"(["IPv4"])");
  EXPECT_EQ(Text(plain, "spec", "ipFamilyPolicy"), "SingleStack");

  Reply taken = server.Post(kServices, Service("b", fmt::format(R"(,"clusterIP":"{}")", address)));
  EXPECT_EQ(taken.status, 422);
  EXPECT_NE(taken.body.find("provided IP is already allocated"), std::string::npos) << taken.body;
  EXPECT_EQ(server.Post(kServices, Service("b", R"(,"clusterIP":"1.2.3.4")")).status, 422);
  json::Value headless = server.Post(kServices, Service("h", R"(,"clusterIP":"None")")).Json();
  EXPECT_EQ(json::Serialize(*json::Find(headless, "spec", "clusterIPs")), R"(["None"])");
  json::Value external =
      server.Post(kServices, R"({"metadata":{"name":"e"},"spec":{"type":"ExternalName","externalName":"x.io"}})").Json();
  EXPECT_EQ(json::Find(external, "spec", "clusterIP"), nullptr) << json::Serialize(external);

  EXPECT_EQ(server.Do("DELETE", std::string(kServices) + "/a").status, 200);
  EXPECT_EQ(server.Post(kServices, Service("b", fmt::format(R"(,"clusterIP":"{}")", address))).status, 201)
      << "a deleted service gives its address back";
}

TEST(Services, NodePortsFollowTheType) {
  TestServer server;
  json::Value node = server.Post(kServices, Service("n", R"(,"type":"NodePort")")).Json();
  int64_t port = json::Find(node, "spec", "ports")->as_array()[0].at("nodePort").to_number<int64_t>();
  EXPECT_GE(port, 30000);
  EXPECT_LE(port, 32767);
  std::string same = fmt::format(
      R"({{"metadata":{{"name":"m"}},"spec":{{"type":"NodePort","ports":[{{"port":1,"nodePort":{}}}]}}}})", port);
  Reply refused = server.Post(kServices, same);
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.body.find("provided port is already allocated"), std::string::npos) << refused.body;

  std::string target = std::string(kServices) + "/n";
  Reply kept = server.Patch(target, "merge-patch+json", R"({"spec":{"selector":{"a":"b"}}})");
  EXPECT_EQ(json::Find(kept.Json(), "spec", "ports")->as_array()[0].at("nodePort").to_number<int64_t>(), port);
  Reply cluster = server.Patch(target, "strategic-merge-patch+json", R"({"spec":{"type":"ClusterIP"}})");
  EXPECT_EQ(cluster.status, 200) << cluster.body;
  EXPECT_EQ(cluster.body.find("nodePort"), std::string::npos) << cluster.body;
  EXPECT_EQ(server.Post(kServices, same).status, 201) << "the port is free again";
  Reply external = server.Patch(std::string(kServices) + "/m", "merge-patch+json",
                                R"({"spec":{"type":"ExternalName","externalName":"x.io"}})");
  EXPECT_EQ(external.status, 200) << external.body;
  EXPECT_EQ(external.body.find("nodePort"), std::string::npos) << external.body;
}

TEST(Services, ManyPortsCostNoSquares) {
  TestServer server;
  std::string ports;
  for (int i = 1; i <= 20'000; ++i) ports += fmt::format(R"({}{{"name":"p{}","port":{}}})", i > 1 ? "," : "", i, i);
  std::string many = fmt::format(R"({{"metadata":{{"name":"m"}},"spec":{{"ports":[{}]}}}})", ports);
  ASSERT_EQ(server.Post(kServices, many).status, 201);
  std::string target = std::string(kServices) + "/m";
  EXPECT_EQ(server.Patch(target, "merge-patch+json", R"({"metadata":{"labels":{"a":"b"}}})").status, 200);
  Reply full = server.Patch(target, "merge-patch+json", R"({"spec":{"type":"NodePort"}})");
  EXPECT_EQ(full.status, 422);
  EXPECT_NE(full.body.find("range is full"), std::string::npos);
}

TEST(Services, RefusalsAndDryRunsKeepNothing) {
  TestServer server;
  std::string fixed = R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","ports":[{"port":1,"nodePort":30500}]}})";
  EXPECT_EQ(server.Post(std::string(kServices) + "?dryRun=All", fixed).status, 201);
  std::string two = R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","ports":[{"name":"a","port":1,"nodePort":30500},)"
                    R"({"name":"b","port":2,"nodePort":1}]}})";
  EXPECT_EQ(server.Post(kServices, two).status, 422);
  EXPECT_EQ(server.Post(kServices, fixed).status, 201);
}

TEST(Services, AllocationsAreRecoveredAtStart) {
  char directory[] = "/tmp/sampan-apiserver-XXXXXX";
  TestOptions options;
  options.directory = mkdtemp(directory);
  auto fixed = [](std::string_view name) {
    return fmt::format(
        R"({{"metadata":{{"name":"{}"}},"spec":{{"type":"NodePort","ports":[{{"port":1,"nodePort":30500}}]}}}})", name);
  };
  {
    TestServer server(options);
    EXPECT_EQ(server.Post(kServices, fixed("s")).status, 201);
  }
  {
    TestServer server(options);
    Reply again = server.Post(kServices, fixed("t"));
    EXPECT_EQ(again.status, 422);
    EXPECT_NE(again.body.find("provided port is already allocated"), std::string::npos) << again.body;
  }
  std::filesystem::remove_all(options.directory);
}

TEST(Pods, AreAdmittedWithAccountTolerationsAndStatus) {
  TestServer server;
  Reply early = server.Post(kPods, R"({"metadata":{"name":"p"},"spec":{"serviceAccountName":"absent",)"
                                   R"("containers":[{"name":"c","image":"i"}]}})");
  EXPECT_EQ(early.status, 403);
  EXPECT_NE(early.body.find("error looking up service account default/absent"), std::string::npos) << early.body;
  AddDefaultAccount(server);
  Reply created = server.Post(kPods, std::string(kPod));
  ASSERT_EQ(created.status, 201) << created.body;
  json::Value pod = created.Json();
  EXPECT_EQ(Text(pod, "spec", "serviceAccountName"), "default");
  EXPECT_EQ(Text(pod, "status", "phase"), "Pending");
  EXPECT_EQ(Text(pod, "status", "qosClass"), "BestEffort");
  EXPECT_NE(created.body.find("kube-api-access-"), std::string::npos);
  EXPECT_EQ(json::Find(pod, "spec", "tolerations")->as_array().size(), 2u);
}

TEST(Pods, OfAnAccountThatLimitsSecretsUseThoseItLists) {
  TestServer server;
  server.Post("/api/v1/namespaces/default/serviceaccounts",
              R"({"metadata":{"name":"limited","annotations":{"kubernetes.io/enforce-mountable-secrets":"true"}},)"
              R"("secrets":[{"name":"mine"}],"imagePullSecrets":[{"name":"pull"}]})");
  struct Case {
    const char* spec;  // %s is the secret's name
    const char* what;
  };
  constexpr std::string_view kPlain = R"("containers":[{"name":"c","image":"i"}])";
  const Case cases[] = {
      {R"(@,"volumes":[{"name":"v","secret":{"secretName":"%"}}])", R"(volume with secret.secretName=\"other\" is)"},
      {R"("containers":[{"name":"c","image":"i","env":[{"name":"E","valueFrom":{"secretKeyRef":{"name":"%","key":"k"}}}]}])",
       R"(container c with envVar E referencing secret.secretName=\"other\")"},
      {R"("containers":[{"name":"c","image":"i","envFrom":[{"secretRef":{"name":"%"}}]}])",
       R"(container c with envFrom referencing secret.secretName=\"other\")"},
      {R"(@,"initContainers":[{"name":"d","image":"i","envFrom":[{"secretRef":{"name":"%"}}]}])",
       R"(init container d with envFrom referencing secret.secretName=\"other\")"},
      {R"(@,"imagePullSecrets":[{"name":"%"}])", R"(imagePullSecrets[0].name=\"other\" is not allowed)"},
  };
  auto post = [&](const Case& one, std::string_view secret) {
    std::string spec = one.spec;
    if (size_t at = spec.find('@'); at != spec.npos) spec.replace(at, 1, kPlain);
    spec.replace(spec.find('%'), 1, secret);
    return server.Post(fmt::format("{}?dryRun=All", kPods),
                       fmt::format(R"({{"metadata":{{"name":"p"}},"spec":{{"serviceAccountName":"limited",{}}}}})", spec));
  };
  for (const Case& one : cases) {
    Reply refused = post(one, "other");
    EXPECT_EQ(refused.status, 403) << one.spec;
    EXPECT_NE(refused.body.find(one.what), std::string::npos) << refused.body;
    Reply taken = post(one, one.what == std::string_view(cases[4].what) ? "pull" : "mine");
    EXPECT_EQ(taken.status, 201) << taken.body;
  }
  server.Post(kPods, fmt::format(R"({{"metadata":{{"name":"p"}},"spec":{{"serviceAccountName":"limited",{}}}}})", kPlain));
  auto debug = [&](std::string_view name, std::string_view secret) {
    return server.Patch(fmt::format("{}/p/ephemeralcontainers", kPods), "strategic-merge-patch+json",
                        fmt::format(R"({{"spec":{{"ephemeralContainers":[{{"name":"{}","image":"i",)"
                                    R"("envFrom":[{{"secretRef":{{"name":"{}"}}}}]}}]}}}})",
                                    name, secret));
  };
  Reply refused = debug("d", "other");
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("ephemeral container d with envFrom referencing"), std::string::npos) << refused.body;
  EXPECT_EQ(debug("d", "mine").status, 200);
}

TEST(Pods, BindOnceAndEndGracefully) {
  TestServer server;
  AddDefaultAccount(server);
  server.Post(kPods, std::string(kPod));
  std::string binding = R"({"metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"}})";
  EXPECT_EQ(server.Post(std::string(kPods) + "/p/binding", binding).status, 201);
  json::Value pod = server.Get(std::string(kPods) + "/p").Json();
  EXPECT_EQ(Text(pod, "spec", "nodeName"), "n1");
  Reply twice = server.Post(std::string(kPods) + "/p/binding", binding);
  EXPECT_EQ(twice.status, 409);
  EXPECT_NE(twice.body.find("pod p is already assigned to node"), std::string::npos) << twice.body;

  json::Value on_node = server.Get("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1").Json();
  EXPECT_EQ(on_node.at("items").as_array().size(), 1u);
  json::Value elsewhere = server.Get("/api/v1/pods?fieldSelector=spec.nodeName%3Dn2").Json();
  EXPECT_EQ(elsewhere.at("items").as_array().size(), 0u);

  Reply deleted = server.Do("DELETE", std::string(kPods) + "/p");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(json::Find(deleted.Json(), "metadata", "deletionGracePeriodSeconds")->to_number<int>(), 30) << deleted.body;
  EXPECT_EQ(server.Get(std::string(kPods) + "/p").status, 200);
  EXPECT_EQ(server.Do("DELETE", std::string(kPods) + "/p", R"({"gracePeriodSeconds":0})").status, 200);
  EXPECT_EQ(server.Get(std::string(kPods) + "/p").status, 404);
}

TEST(Pods, GatesHoldAPodBackAndSaySo) {
  TestServer server;
  AddDefaultAccount(server);
  Reply created = server.Post(kPods, R"({"metadata":{"name":"p"},"spec":{"schedulingGates":[{"name":"example.com/wait"}],)"
                                     R"("containers":[{"name":"c","image":"i"}]}})");
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_NE(created.body.find(R"("reason":"SchedulingGated")"), std::string::npos) << created.body;
  std::string binding = R"({"metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"}})";
  Reply bound = server.Post(std::string(kPods) + "/p/binding", binding);
  EXPECT_EQ(bound.status, 409);
  EXPECT_NE(bound.body.find("pod p has non-empty .spec.schedulingGates"), std::string::npos) << bound.body;
}

TEST(Pods, ThatWaitForANodeGoAtOnce) {
  TestServer server;
  AddDefaultAccount(server);
  server.Post(kPods, std::string(kPod));
  EXPECT_EQ(server.Do("DELETE", std::string(kPods) + "/p").status, 200);
  EXPECT_EQ(server.Get(std::string(kPods) + "/p").status, 404);
}

TEST(Pods, StatusIsWrittenThroughItsSubresourceOnly) {
  TestServer server;
  AddDefaultAccount(server);
  server.Post(kPods, std::string(kPod));
  std::string target = std::string(kPods) + "/p";
  server.Patch(target, "merge-patch+json", R"({"status":{"phase":"Running"}})");
  EXPECT_EQ(Text(server.Get(target).Json(), "status", "phase"), "Pending");
  Reply status =
      server.Patch(target + "/status", "merge-patch+json", R"({"status":{"phase":"Running"},"spec":{"nodeName":"x"}})");
  EXPECT_EQ(Text(status.Json(), "status", "phase"), "Running") << status.body;
  EXPECT_EQ(Text(status.Json(), "spec", "nodeName"), "");
}

TEST(Deployments, ScaleAndCountGenerations) {
  TestServer server;
  std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
  Reply created = server.Post(deployments, R"({"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},
    "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  ASSERT_EQ(created.status, 201) << created.body;
  std::string target = deployments + "/d";
  auto generation = [&] { return json::Find(server.Get(target).Json(), "metadata", "generation")->to_number<int>(); };
  EXPECT_EQ(generation(), 1);
  Reply scale = server.Get(target + "/scale");
  EXPECT_EQ(Text(scale.Json(), "kind"), "Scale") << scale.body;
  EXPECT_EQ(Text(scale.Json(), "status", "selector"), "a=b");
  Reply scaled = server.Patch(target + "/scale", "merge-patch+json", R"({"spec":{"replicas":5}})");
  EXPECT_EQ(scaled.status, 200) << scaled.body;
  EXPECT_EQ(json::Find(server.Get(target).Json(), "spec", "replicas")->to_number<int>(), 5);
  EXPECT_EQ(generation(), 2);
  server.Patch(target + "/status", "merge-patch+json", R"({"status":{"replicas":5}})");
  server.Patch(target, "merge-patch+json", R"({"metadata":{"labels":{"x":"y"}}})");
  EXPECT_EQ(generation(), 2) << "neither status nor metadata count";
}

TEST(Namespaces, TerminateUntilFinalized) {
  TestServer server;
  server.Post("/api/v1/namespaces", R"({"metadata":{"name":"n"}})");
  Reply deleted = server.Do("DELETE", "/api/v1/namespaces/n");
  EXPECT_EQ(Text(deleted.Json(), "status", "phase"), "Terminating") << deleted.body;
  Reply refused = server.Post("/api/v1/namespaces/n/configmaps", R"({"metadata":{"name":"x"}})");
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("because it is being terminated"), std::string::npos);
  json::Value object = server.Get("/api/v1/namespaces/n").Json();
  object.as_object()["spec"] = json::Object{};
  EXPECT_EQ(server.Do("PUT", "/api/v1/namespaces/n/finalize", json::Serialize(object)).status, 200);
  EXPECT_EQ(server.Get("/api/v1/namespaces/n").status, 404);
}

TEST(Secrets, StringDataIsEncoded) {
  TestServer server;
  Reply made = server.Post("/api/v1/namespaces/default/secrets", R"({"metadata":{"name":"s"},"stringData":{"k":"hello"}})");
  EXPECT_EQ(Text(made.Json(), "data", "k"), "aGVsbG8=") << made.body;
  EXPECT_EQ(json::Find(made.Json(), "stringData"), nullptr);
}

TEST(Leases, AreMadeByPutAndNeedARevision) {
  TestServer server;
  std::string target = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n";
  EXPECT_EQ(server.Do("PUT", target, R"({"metadata":{"name":"n"},"spec":{}})").status, 201);
  EXPECT_EQ(server.Do("PUT", target, R"({"metadata":{"name":"n"},"spec":{"holderIdentity":"x"}})").status, 422);
}

TEST(Proxies, ThePathOfTheRootEndsWithASlash) {
  TestServer server;
  AddDefaultAccount(server);
  std::string target = std::string(kPods) + "/p/proxy";
  EXPECT_EQ(server.Get(target).status, 404);
  server.Post(kPods, std::string(kPod));
  server.Patch(std::string(kPods) + "/p/status", "merge-patch+json", R"({"status":{"podIP":"192.0.2.1"}})");
  Reply redirected = server.Get(target + "?a=b");
  EXPECT_EQ(redirected.status, 301) << redirected.body;
  EXPECT_EQ(redirected.headers.Get("location"), target + "/?a=b");
}

TEST(Proxies, ServicesAreReachedByTheirOwnPorts) {
  TestServer server;
  server.Post(kServices, Service("a", ""));
  std::string services(kServices);
  EXPECT_NE(server.Get(services + "/a:nothing/proxy/").body.find("no service port \\\"nothing\\\" found for service"),
            std::string::npos);
  EXPECT_NE(server.Get(services + "/a/proxy/").body.find("no endpoints available for service"), std::string::npos);
}

TEST(InProcess, SharesTheServersObjects) {
  TestServer server;
  client::Ref ref{&api::KindOf<api::core::ConfigMap>(), "default", "a", ""};
  auto created =
      SyncWait(server.executor(), server.client().Create(ref, json::Object{{"metadata", json::Object{{"name", "a"}}}}));
  ASSERT_TRUE(created) << created.error().message();
  auto read = SyncWait(server.executor(), server.client().Get(ref));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->get(), created->get());
  auto list = SyncWait(server.executor(), server.client().List({ref.kind, "default", "", ""}, {}));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->items.size(), 1u);
  auto watch = SyncWait(server.executor(), server.client().Watch({ref.kind, "default", "", ""}, {.from = list->revision}));
  ASSERT_TRUE(watch);
  ASSERT_TRUE(SyncWait(server.executor(), server.client().Delete(ref, {})));
  auto events = SyncWait(server.executor(), (*watch)->Next());
  ASSERT_TRUE(events && *events);
  EXPECT_EQ((**events)[0].type, client::WatchEvent::Type::kDeleted);
  auto gone = SyncWait(server.executor(), server.client().Get(ref));
  EXPECT_TRUE(gone.error().Is(Reason::kNotFound));
}

}  // namespace
}  // namespace sampan::apiserver
