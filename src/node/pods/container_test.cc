// What containers are configured with: environment, name resolution, resources, security, credentials.
#include <gtest/gtest.h>

#include "codec/base64.h"
#include "node/pods/container_config.h"
#include "node/pods/expand.h"
#include "node/pods/pull_secrets.h"
#include "node/pods/resources.h"

namespace sampan::node {
namespace {

using namespace api::core;

template <class T>
T Parse(std::string_view text) {
  return *api::FromJsonText<T>(text);
}

template <class T>
client::TypedPtr<T> Stored(std::string_view text) {
  return client::TypedPtr<T>(*api::Object::FromBytes(std::string(text)));
}

TEST(ExpandReferences, Table) {
  auto find = [](std::string_view name) -> std::optional<std::string_view> {
    return name == "A" ? std::optional<std::string_view>("1") : std::nullopt;
  };
  const std::pair<const char*, const char*> cases[] = {
      {"plain", "plain"}, {"$(A)", "1"},          {"x$(A)y$(A)", "x1y1"}, {"$(B)", "$(B)"},           {"$$(A)", "$(A)"},
      {"$$$(A)", "$1"},   {"$A ${A}", "$A ${A}"}, {"$(A", "$(A"},         {"ends in $", "ends in $"}, {"", ""},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(ExpandReferences(text, find), std::string(expected)) << text;
}

TEST(ExpandReferences, EndsAtItsLimit) {
  const std::string half(kMostExpanded / 2, 'x');
  auto find = [&](std::string_view) { return std::optional<std::string_view>(half); };
  EXPECT_EQ(ExpandReferences("$(A)$(A)", find)->size(), kMostExpanded);
  EXPECT_EQ(ExpandReferences("$(A)$(A).", find).error().message(),
            "a value with references expands to more than 1048576 bytes");
  EXPECT_FALSE(ExpandReferences("$(A)$(A)$(A)", find));
  // An end that never comes is not sought again at each beginning.
  std::string open;
  while (open.size() < kMostExpanded) open += "$(";
  EXPECT_EQ(ExpandReferences(open, find), open);
}

Pod DemoPod() {
  return Parse<Pod>(R"({"metadata":{"name":"web","namespace":"shop","uid":"u1","labels":{"app":"web"},
      "annotations":{"note":"say \"hi\""}},
      "spec":{"serviceAccountName":"robot","containers":[{"name":"a","resources":{"limits":{"cpu":"1500m","memory":"64Mi"}}}]}})");
}

TEST(FieldValue, Table) {
  Pod pod = DemoPod();
  FieldContext context{pod, "10.0.0.9", "192.0.2.1", "node-a", nullptr};
  const std::pair<const char*, const char*> cases[] = {
      {"metadata.name", "web"},           {"metadata.namespace", "shop"},
      {"metadata.labels", "app=\"web\""}, {"metadata.annotations", "note=\"say \\\"hi\\\"\""},
      {"metadata.labels['app']", "web"},  {"metadata.labels['none']", ""},
      {"spec.nodeName", "node-a"},        {"spec.serviceAccountName", "robot"},
      {"status.podIP", "10.0.0.9"},       {"status.hostIP", "192.0.2.1"},
  };
  for (const auto& [path, value] : cases) EXPECT_EQ(FieldValue(context, path).value_or("error"), value) << path;
  EXPECT_FALSE(FieldValue(context, "spec.volumes"));
  EXPECT_FALSE(FieldValue(context, "metadata.labels['app'"));
}

TEST(ResourceValue, DividesAndRoundsUp) {
  Pod pod = DemoPod();
  FieldContext context{pod, {}, {}, {}, nullptr};
  const Container* self = &pod.spec.containers[0];
  auto value = [&](const char* selector) {
    return ResourceValue(context, Parse<ResourceFieldSelector>(selector), self).value_or("error");
  };
  EXPECT_EQ(value(R"({"resource":"limits.cpu"})"), "2");
  EXPECT_EQ(value(R"({"resource":"limits.cpu","divisor":"1m"})"), "1500");
  EXPECT_EQ(value(R"({"resource":"requests.memory","divisor":"1Mi"})"), "64");
  EXPECT_EQ(value(R"({"resource":"limits.memory","containerName":"zz"})"), "error");
}

TEST(BuildEnvironment, SourcesPrecedenceAndReferences) {
  Pod pod = DemoPod();
  Container container = Parse<Container>(R"json({"name":"a",
      "envFrom":[{"prefix":"C_","configMapRef":{"name":"cm"}},{"secretRef":{"name":"none","optional":true}}],
      "env":[{"name":"X","value":"1"},{"name":"Y","value":"$(X)-$(C_k)-$(Z)"},{"name":"Z","value":"late"},
             {"name":"K","valueFrom":{"secretKeyRef":{"name":"s","key":"pw"}}},
             {"name":"N","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},
             {"name":"O","valueFrom":{"configMapKeyRef":{"name":"cm","key":"no","optional":true}}},
             {"name":"DB_SERVICE_HOST","value":"mine"}]})json");
  EnvReferences references = EnvReferencesOf(container);
  EXPECT_EQ(references.config_maps, (std::set<std::string>{"cm"}));
  EXPECT_EQ(references.secrets, (std::set<std::string>{"none", "s"}));
  EnvSources sources;
  sources.config_maps["cm"] =
      Stored<ConfigMap>(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cm"},"data":{"k":"v"}})");
  sources.secrets["s"] =
      Stored<Secret>(R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"pw":"c2VjcmV0"}})");
  sources.services = {{"DB_SERVICE_HOST", "10.96.0.7"}};
  auto env = BuildEnvironment(container, {pod, {}, {}, {}, nullptr}, sources);
  ASSERT_TRUE(env) << env.error().message();
  EXPECT_EQ(*env, (EnvList{{"DB_SERVICE_HOST", "mine"},
                           {"C_k", "v"},
                           {"X", "1"},
                           {"Y", "1-v-$(Z)"},
                           {"Z", "late"},
                           {"K", "secret"},
                           {"N", "web"}}));
}

TEST(BuildEnvironment, FewWordsMakeNoGigabytes) {
  Pod pod = DemoPod();
  EnvSources sources;
  sources.config_maps["cm"] = Stored<ConfigMap>(
      fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"cm"}},"data":{{"k":"{}"}}}})",
                  std::string(1000000, 'y')));
  std::string doubled = R"({"name":"A0","value":"0123456789"})";
  std::string named = R"({"name":"B0"})";
  std::string all = R"({"prefix":"P0","configMapRef":{"name":"cm"}})";
  for (int i = 1; i < 40; ++i) {
    doubled += fmt::format(R"json(,{{"name":"A{}","value":"$(A{})$(A{})"}})json", i, i - 1, i - 1);
    named += fmt::format(R"(,{{"name":"B{}","valueFrom":{{"configMapKeyRef":{{"name":"cm","key":"k"}}}}}})", i);
    all += fmt::format(R"(,{{"prefix":"P{}","configMapRef":{{"name":"cm"}}}})", i);
  }
  const std::pair<std::string, const char*> cases[] = {
      {R"("env":[)" + doubled + "]", "a value with references expands to more than 1048576 bytes"},
      {R"("env":[)" + named + "]", "the environment has more than 6291456 bytes"},
      {R"("envFrom":[)" + all + "]", "the environment has more than 6291456 bytes"},
  };
  for (const auto& [members, message] : cases) {
    auto env = BuildEnvironment(Parse<Container>(R"({"name":"a",)" + members + "}"), {pod, {}, {}, {}, nullptr}, sources);
    ASSERT_FALSE(env) << message;
    EXPECT_EQ(env.error().message(), message);
  }
}

TEST(BuildEnvironment, MissingSourcesAreNamed) {
  Pod pod = DemoPod();
  const std::pair<const char*, const char*> cases[] = {
      {R"({"name":"a","envFrom":[{"configMapRef":{"name":"cm"}}]})", "configmap \"cm\" not found"},
      {R"({"name":"a","env":[{"name":"K","valueFrom":{"secretKeyRef":{"name":"s","key":"pw"}}}]})",
       "secret \"s\" not found"},
      {R"({"name":"a","env":[{"name":"K","valueFrom":{"secretKeyRef":{"name":"t","key":"pw"}}}]})",
       "couldn't find key pw in Secret shop/t"},
  };
  EnvSources sources;
  sources.secrets["t"] = Stored<Secret>(R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"t"}})");
  for (const auto& [text, message] : cases) {
    auto env = BuildEnvironment(Parse<Container>(text), {pod, {}, {}, {}, nullptr}, sources);
    ASSERT_FALSE(env) << text;
    EXPECT_EQ(env.error().message(), message);
  }
}

TEST(ServiceEnvironment, NamesOfPorts) {
  auto service =
      Stored<Service>(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"my-db"},"spec":{"clusterIP":"10.96.0.7",
      "ports":[{"name":"sql","port":5432,"protocol":"TCP"}]}})");
  auto headless = Stored<Service>(
      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"h"},"spec":{"clusterIP":"None","ports":[{"port":1}]}})");
  EXPECT_EQ(ServiceEnvironment({service, headless}), (EnvList{{"MY_DB_SERVICE_HOST", "10.96.0.7"},
                                                              {"MY_DB_SERVICE_PORT", "5432"},
                                                              {"MY_DB_SERVICE_PORT_SQL", "5432"},
                                                              {"MY_DB_PORT", "tcp://10.96.0.7:5432"},
                                                              {"MY_DB_PORT_5432_TCP", "tcp://10.96.0.7:5432"},
                                                              {"MY_DB_PORT_5432_TCP_PROTO", "tcp"},
                                                              {"MY_DB_PORT_5432_TCP_PORT", "5432"},
                                                              {"MY_DB_PORT_5432_TCP_ADDR", "10.96.0.7"}}));
}

TEST(PodDns, Policies) {
  DnsOptions options{"10.96.0.10", "cluster.local", {{"192.0.2.53"}, {"example.org"}, {"timeout:2"}}};
  struct Case {
    const char* spec;
    std::vector<std::string> servers, searches, options;
  } cases[] = {
      {"{}", {"10.96.0.10"}, {"shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org"}, {"ndots:5"}},
      {R"({"dnsPolicy":"Default"})", {"192.0.2.53"}, {"example.org"}, {"timeout:2"}},
      {R"({"dnsPolicy":"ClusterFirst","hostNetwork":true})", {"192.0.2.53"}, {"example.org"}, {"timeout:2"}},
      {R"({"dnsPolicy":"None","dnsConfig":{"nameservers":["1.1.1.1"],"searches":["a.b"],"options":[{"name":"ndots","value":"2"}]}})",
       {"1.1.1.1"},
       {"a.b"},
       {"ndots:2"}},
      {R"({"dnsConfig":{"options":[{"name":"ndots","value":"1"},{"name":"edns0"}]}})",
       {"10.96.0.10"},
       {"shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org"},
       {"ndots:1", "edns0"}},
  };
  for (const Case& one : cases) {
    Pod pod;
    pod.metadata.namespace_ = "shop";
    pod.spec = Parse<PodSpec>(one.spec);
    cri::DnsConfig dns = PodDns(pod, options);
    EXPECT_EQ(dns.servers, one.servers) << one.spec;
    EXPECT_EQ(dns.searches, one.searches) << one.spec;
    EXPECT_EQ(dns.options, one.options) << one.spec;
  }
}

TEST(ParseResolvConf, ReadsWhatResolversRead) {
  cri::DnsConfig dns =
      ParseResolvConf("# hi\nnameserver 10.0.0.1\n nameserver\t10.0.0.2 \nsearch a b\noptions ndots:1 rotate\n");
  EXPECT_EQ(dns.servers, (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(dns.searches, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(dns.options, (std::vector<std::string>{"ndots:1", "rotate"}));
}

TEST(EtcHosts, NamesThePodAndItsAliases) {
  Pod pod = Parse<Pod>(R"({"metadata":{"name":"web-0","namespace":"shop"},"spec":{"subdomain":"web",
      "hostAliases":[{"ip":"1.2.3.4","hostnames":["x","y"]}]}})");
  std::string text = EtcHosts(pod, {"10.0.0.9"}, "cluster.local", "");
  EXPECT_NE(text.find("10.0.0.9\tweb-0.web.shop.svc.cluster.local\tweb-0\n"), std::string::npos);
  EXPECT_NE(text.find("1.2.3.4\tx\ty\n"), std::string::npos);
}

TEST(Resources, QosSharesAndScores) {
  struct Case {
    const char* resources;
    QosClass qos;
    int64_t shares, quota, memory, score;
  } cases[] = {
      {"{}", QosClass::kBestEffort, 2, 0, 0, 1000},
      {R"({"requests":{"cpu":"100m","memory":"1Gi"}})", QosClass::kBurstable, 102, 0, 0, 938},
      {R"({"limits":{"cpu":"500m","memory":"64Mi"}})", QosClass::kGuaranteed, 512, 50000, 64 << 20, -997},
      {R"({"limits":{"memory":"64Mi"}})", QosClass::kBurstable, 2, 0, 64 << 20, 997},
      {R"({"limits":{"cpu":"1m","memory":"1Mi"}})", QosClass::kGuaranteed, 2, 1000, 1 << 20, -997},
  };
  for (const Case& one : cases) {
    PodSpec spec = Parse<PodSpec>(fmt::format(R"({{"containers":[{{"name":"a","resources":{}}}]}})", one.resources));
    cri::ContainerResources resources = ContainerResourcesOf(spec, spec.containers[0], int64_t{16} << 30);
    EXPECT_EQ(QosOf(spec), one.qos) << one.resources;
    EXPECT_EQ(resources.cpu_shares, one.shares) << one.resources;
    EXPECT_EQ(resources.cpu_quota_microseconds, one.quota) << one.resources;
    EXPECT_EQ(resources.memory_limit_bytes, one.memory) << one.resources;
    EXPECT_EQ(resources.oom_score_adj, one.score) << one.resources;
  }
}

TEST(Resources, AmountsThatDoNotFitAreTheLargest) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  PodSpec spec = Parse<PodSpec>(R"({"initContainers":[{"name":"i","restartPolicy":"Always",
        "resources":{"limits":{"cpu":"9223372036854775807","memory":"9223372036854775807"}}}],
      "containers":[{"name":"a","resources":{"limits":{"cpu":"9223372036854775807","memory":"9223372036854775807"},
                                             "requests":{"cpu":"1","memory":"9223372036854775806"}}},
                    {"name":"b","resources":{"limits":{"cpu":"9223372036854775807","memory":"9223372036854775807"}}}],
      "overhead":{"memory":"9223372036854775807"}})");
  EXPECT_EQ(PodRequest(spec, "memory"), kMost);
  EXPECT_EQ(PodCgroupLimits(spec).memory_bytes, kMost);
  EXPECT_EQ(PodCgroupLimits(spec).cpu_quota_microseconds, kMost);
  EXPECT_EQ(PodCgroupLimits(spec).cpu_shares, 262144u);
  EXPECT_EQ(ContainerResourcesOf(spec, spec.containers[0], int64_t{16} << 30).oom_score_adj, 3);
}

TEST(Resources, PodLimitsNeedEveryContainersLimit) {
  PodSpec all = Parse<PodSpec>(R"({"initContainers":[{"name":"i","resources":{"limits":{"cpu":"3","memory":"1Mi"}}}],
      "containers":[{"name":"a","resources":{"limits":{"cpu":"1","memory":"2Mi"}}},{"name":"b","resources":{"limits":{"cpu":"1","memory":"3Mi"}}}]})");
  EXPECT_EQ(*PodCgroupLimits(all).cpu_quota_microseconds, 300000);
  EXPECT_EQ(*PodCgroupLimits(all).memory_bytes, 5 << 20);
  all.containers[1].resources.reset();
  EXPECT_FALSE(PodCgroupLimits(all).memory_bytes);
  EXPECT_EQ(PodCgroup(QosOf(all), "u1"), "/kubepods/burstable/podu1");
}

Result<cri::ContainerConfig> Configure(std::string_view pod_spec, cri::Image image = {.id = "img"}) {
  static const Paths kPaths;
  Pod pod;
  pod.metadata.name = "web";
  pod.metadata.namespace_ = "shop";
  pod.metadata.uid = "u1";
  pod.spec = Parse<PodSpec>(pod_spec);
  return BuildContainerConfig({pod, pod.spec.containers[0], 2, {{"A", "1"}}, {}, image, kPaths, int64_t{1} << 30});
}

TEST(BuildSandboxConfig, APodsLabelsDoNotTellWhoseTheSandboxIs) {
  Pod pod = Parse<Pod>(R"({"metadata":{"name":"web","namespace":"shop","uid":"u1","labels":{"app":"web",
      "io.kubernetes.pod.uid":"u2","io.kubernetes.pod.name":"other","io.kubernetes.pod.namespace":"kube-system"}},
      "spec":{"containers":[{"name":"a"}]}})");
  cri::SandboxConfig config = BuildSandboxConfig({pod, 0, {}, Paths()});
  EXPECT_EQ(config.labels, (cri::Labels{{"app", "web"},
                                        {"io.kubernetes.pod.uid", "u1"},
                                        {"io.kubernetes.pod.name", "web"},
                                        {"io.kubernetes.pod.namespace", "shop"}}));
}

TEST(BuildContainerConfig, WhatTheRuntimeIsTold) {
  auto config = Configure(R"json({"hostPID":true,"securityContext":{"runAsUser":7,"fsGroup":9,"supplementalGroups":[8]},
      "containers":[{"name":"a","command":["sh","-c","echo $(A) $(B)"],"securityContext":{
  "runAsGroup" : 5,
      "readOnlyRootFilesystem" : true,
                                 "allowPrivilegeEscalation" : false,
                                                              "capabilities" : {"add" : ["NET_ADMIN"], "drop" : ["ALL"]},
                                                                               "seccompProfile" : {"type" : "RuntimeDefault"}}}]
})json");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->command.back(), "echo 1 $(B)");
  EXPECT_EQ(config->log_path, "a/2.log");
  EXPECT_EQ(config->labels.at("io.kubernetes.pod.namespace"), "shop");
  EXPECT_EQ(config->security.namespaces.pid, cri::NamespaceMode::kNode);
  EXPECT_EQ(config->security.run_as_user, 7);
  EXPECT_EQ(config->security.run_as_group, 5);
  EXPECT_EQ(config->security.supplemental_groups, (std::vector<int64_t>{8, 9}));
  EXPECT_TRUE(config->security.read_only_root_filesystem);
  EXPECT_TRUE(config->security.no_new_privileges);
  EXPECT_EQ(config->security.drop_capabilities, (std::vector<std::string>{"ALL"}));
  EXPECT_EQ(config->security.seccomp.type, cri::SecurityProfile::Type::kRuntimeDefault);
  std::vector<std::string> mounted;
  for (const cri::Mount& mount : config->mounts) mounted.push_back(mount.container_path);
  EXPECT_EQ(mounted, (std::vector<std::string>{"/etc/hosts", "/dev/termination-log"}));
}

TEST(BuildContainerConfig, RunAsNonRoot) {
  const char kSpec[] = R"({"securityContext":{"runAsNonRoot":true},"containers":[{"name":"a"}]})";
  EXPECT_FALSE(Configure(kSpec));
  EXPECT_FALSE(Configure(kSpec, {.id = "img", .uid = 0}));
  EXPECT_TRUE(Configure(kSpec, {.id = "img", .uid = 1000}));
  auto named = Configure(kSpec, {.id = "img", .username = "redis"});
  ASSERT_FALSE(named);
  EXPECT_TRUE(named.error().message().starts_with("container has runAsNonRoot and image has non-numeric user (redis)"));
}

TEST(PullSecrets, RegistriesAndMatches) {
  EXPECT_EQ(RegistryOf("nginx:1"), "docker.io");
  EXPECT_EQ(RegistryOf("library/nginx"), "docker.io");
  EXPECT_EQ(RegistryOf("localhost:5000/a/b"), "localhost:5000");
  Secret secret;
  secret.data[".dockerconfigjson"] = fmt::format(
      R"({{"auths":{{"https://index.docker.io/v1/":{{"auth":"{}"}},"reg.example.org":{{"username":"u","password":"p"}},
      "reg.example.org/team":{{"username":"team","password":"p"}},"*.wild.org":{{"username":"w","password":"p"}}}}}})",
      base64::Encode("hub:pw:with:colons"));
  auto users = [&](std::string_view image) {
    std::string out;
    for (const cri::Auth& auth : CredentialsFor(secret, image)) out += auth.username + ":" + auth.password + " ";
    return out;
  };
  EXPECT_EQ(users("nginx:1"), "hub:pw:with:colons ");
  EXPECT_EQ(users("reg.example.org/x:1"), "u:p ");
  EXPECT_EQ(users("reg.example.org/team/x:1"), "team:p u:p ");
  EXPECT_EQ(users("a.wild.org/x"), "w:p ");
  EXPECT_EQ(users("a.b.wild.org/x"), "");
  EXPECT_EQ(users("other.org/x"), "");
  secret.data[".dockerconfigjson"] = "{broken";
  EXPECT_EQ(users("nginx"), "");
}

}  // namespace
}  // namespace sampan::node
