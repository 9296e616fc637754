// `sampan server`: the control plane and, unless told otherwise, a node.
#include <sys/stat.h>

#include <cstdio>
#include <memory>

#include "async/spawn.h"
#include "base/log.h"
#include "client/kubeconfig.h"
#include "daemon/actor_component.h"
#include "daemon/certificates.h"
#include "daemon/config.h"
#include "daemon/control_plane.h"
#include "daemon/heaps.h"
#include "daemon/host.h"
#include "daemon/node_components.h"
#include "daemon/process.h"
#include "daemon/runtime.h"
#include "daemon/supervisor.h"
#include "daemon/verbs.h"
#include "os/file.h"

namespace sampan::daemon {
namespace {

constexpr int kExitFailure = 1;

int Complain(const Error& error) {
  std::fprintf(stderr, "sampan: %s\n", error.message().c_str());
  return kExitFailure;
}

log::Level LevelOf(const std::string& name) {
  if (name == "debug") return log::Level::kDebug;
  if (name == "warn") return log::Level::kWarn;
  if (name == "error") return log::Level::kError;
  return log::Level::kInfo;
}

void FillFromHost(ServerConfig& config) {
  if (config.node_name.empty()) config.node_name = HostName();
  if (config.node_ip.empty()) config.node_ip = HostAddress();
  if (config.advertise_address.empty()) {
    config.advertise_address = config.bind_address == "0.0.0.0" ? config.node_ip : config.bind_address;
  }
}

CertificateNames NamesOf(const ServerConfig& config) {
  CertificateNames names;
  names.cluster_domain = config.cluster_domain;
  names.node_name = config.node_name;
  names.node_ip = config.node_ip;
  names.api_dns_names = {config.node_name};
  names.api_addresses = {"127.0.0.1", AddressIn(config.service_cluster_ip_range, 1), config.advertise_address,
                         config.node_ip};
  for (const std::string& name : config.tls_sans) {
    bool address = IsIpAddress()(name).empty();
    (address ? names.api_addresses : names.api_dns_names).push_back(name);
  }
  return names;
}

Result<void> WriteAdminKubeconfig(const ServerConfig& config, const Paths& paths, const Certificates& certificates) {
  client::ClientConfig admin;
  std::string host = config.bind_address == "0.0.0.0" ? "127.0.0.1" : config.bind_address;
  admin.server = fmt::format("https://{}:{}", host, config.secure_port);
  admin.ca_pem = certificates.ca_pem;
  admin.client_certificate_pem = certificates.admin.certificate_pem;
  admin.client_key_pem = certificates.admin.key_pem;
  return net::WriteFileAtomically(paths.admin_kubeconfig(), client::FormatKubeconfig(admin, "sampan"),
                                  net::FileMode::kPrivate);
}

Result<void> Serve(ServerConfig config) {
  FillFromHost(config);
  Paths paths(config.data_dir, config.run_dir);
  TRY_VOID(os::MakeDirs(paths.data(), 0700));
  TRY_VOID(os::MakeDirs(paths.run(), 0755));
  TRY(DirectoryLock lock, DirectoryLock::Take(paths.lock()));
  PrepareSignals();
  RaiseFileLimit();

  Runtime runtime;
  TRY(Certificates certificates, EnsureCertificates(paths, NamesOf(config), runtime.clock->Now()));
  TRY_VOID(WriteAdminKubeconfig(config, paths, certificates));
  TRY_VOID(os::WriteFileAtomic(paths.pid_file(), std::to_string(getpid()) + "\n", {.mode = 0644, .sync = os::Sync::kNo}));

  ControlPlane control_plane(runtime, config, paths, certificates);
  NodeComponents node(runtime, config, certificates, control_plane);
  Supervisor supervisor(*runtime.clock);
  supervisor.Add(ActorComponent("heaps", *runtime.pool, *runtime.clock, [&runtime](CancelToken stop) {
    return TrimHeaps(runtime.clock.get(), &runtime.blocking, std::move(stop));
  }));
  control_plane.AddTo(supervisor);
  if (!config.disable_agent) node.AddTo(supervisor);

  auto started = SyncWait(*runtime.pool, supervisor.Start());
  if (started) {
    int signal = WaitForStopSignal();
    LOG_INFO("server", "stopping on signal {}", signal);
    SyncWait(*runtime.pool, supervisor.Stop());
  }
  (void)os::RemoveFile(paths.pid_file());
  return started;
}

}  // namespace

cli::Verb ServerVerb() {
  auto config = std::make_shared<ServerConfig>();
  cli::Verb verb{.name = "server",
                 .summary = "Run the control plane and, unless --disable-agent is given, a node on this machine.",
                 .options = {},
                 .default_config = kDefaultConfigFile,
                 .run = nullptr};
  Declare(*config, verb.options);
  verb.run = [config] {
    if (auto valid = Validate(*config); !valid) {
      Complain(valid.error());
      return cli::kExitUsage;
    }
    log::SetLevel(LevelOf(config->log_level));
    auto served = Serve(*config);
    return served ? 0 : Complain(served.error());
  };
  return verb;
}

cli::Verb TeardownVerb() {
  auto config = std::make_shared<NodeConfig>();
  cli::Verb verb{.name = "teardown",
                 .summary = "End pods, containerd, interfaces, rules and mounts of this machine's stopped node.",
                 .options = {},
                 .default_config = "",
                 .run = nullptr};
  DeclareTeardown(*config, verb.options);
  verb.run = [config] {
    auto done = [&]() -> Result<void> {
      TRY(DirectoryLock lock, DirectoryLock::Take(Paths(config->data_dir, config->run_dir).lock()));
      return TearDownNode(*config);
    }();
    return done ? 0 : Complain(done.error());
  };
  return verb;
}

}  // namespace sampan::daemon
