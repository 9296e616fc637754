// `sampan server`: the control plane and, unless told otherwise, the process of a node.
#include <unistd.h>

#include <memory>

#include "base/log.h"
#include "client/kubeconfig.h"
#include "daemon/actor_component.h"
#include "daemon/agent_process.h"
#include "daemon/certificate_keeper.h"
#include "daemon/certificates.h"
#include "daemon/config.h"
#include "daemon/control_plane.h"
#include "daemon/host.h"
#include "daemon/node_support.h"
#include "daemon/process.h"
#include "daemon/runtime.h"
#include "daemon/supervisor.h"
#include "daemon/verb.h"
#include "daemon/verbs.h"
#include "node/containerd/supervisor.h"
#include "os/file.h"

namespace sampan::daemon {
namespace {

void CompleteFromHost(ServerConfig& config) {
  FillFromHost(config);
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

// For processes of this machine.
Result<void> WriteKubeconfig(const ServerConfig& config, const std::string& path, const std::string& ca_pem,
                             const net::KeyPair& client) {
  client::ClientConfig access;
  std::string host = config.bind_address == "0.0.0.0" ? "127.0.0.1" : config.bind_address;
  access.server = fmt::format("https://{}:{}", host, config.secure_port);
  access.ca_pem = ca_pem;
  access.client_certificate_pem = client.certificate_pem;
  access.client_key_pem = client.key_pem;
  const std::string text = client::FormatKubeconfig(access, "sampan");
  // On a full disk the server starts with what is there.
  if (os::ReadFile(path, os::kConfigFileLimit, os::Links::kRefuse).value_or("") == text) return {};
  return net::WriteFileAtomically(path, text, net::FileMode::kPrivate);
}

Result<void> WriteKubeconfigs(const ServerConfig& config, const Paths& paths, const Certificates& certificates) {
  TRY_VOID(WriteKubeconfig(config, paths.admin_kubeconfig(), certificates.ca_pem, certificates.admin));
  if (config.disable_agent) return {};
  TRY_VOID(os::MakeDirs(paths.agent(), 0700));
  return WriteKubeconfig(config, paths.agent_kubeconfig(), certificates.ca_pem, certificates.kubelet);
}

Result<void> Serve(ServerConfig config) {
  if (!config.disable_agent && geteuid() != 0) {
    return Fail(Error::Forbidden(
        "a node needs root: run it as root, or with --disable-agent and a --data-dir and --run-dir of your own"));
  }
  CompleteFromHost(config);
  Paths paths(config.data_dir, config.run_dir);
  TRY_VOID(os::MakeDirs(paths.data(), 0700));
  TRY_VOID(os::MakeDirs(paths.run(), 0755));
  TRY(DirectoryLock lock, DirectoryLock::Take(paths.lock(), "--data-dir"));
  TRY(DirectoryLock run_lock, DirectoryLock::Take(paths.server_run_lock(), "--run-dir"));
  if (!config.disable_agent) TRY_VOID(CheckRunDirectory(paths));
  if (!config.disable_agent && config.container_runtime_endpoint.empty()) {
    TRY_VOID(node::CheckContainerdSocket({.data = paths.data(), .run = paths.run()}));
  }
  PrepareSignals();
  RaiseFileLimit();

  Runtime runtime;
  TRY(Certificates certificates, EnsureCertificates(paths, NamesOf(config), runtime.clock->Now()));
  TRY_VOID(WriteKubeconfigs(config, paths, certificates));
  TRY_VOID(WritePidFile(paths.pid_file()));

  ControlPlane control_plane(runtime, config, paths, certificates);
  CertificateKeeping keeping{[&](WallTime now) { return EnsureCertificates(paths, NamesOf(config), now); },
                             [&](const Certificates& all) -> Result<void> {
                               TRY_VOID(control_plane.UseCertificates(all));
                               return WriteKubeconfigs(config, paths, all);
                             }};
  NodeSupport node(runtime, config, paths, control_plane);
  Supervisor supervisor(*runtime.clock);
  supervisor.Add(HeapsComponent(runtime));
  control_plane.AddTo(supervisor);
  supervisor.Add(ActorComponent("certificates", *runtime.pool, *runtime.clock, [&](CancelToken stop) {
    return KeepCertificates(runtime.clock.get(), &runtime.blocking, keeping, certificates, std::move(stop));
  }));
  if (!config.disable_agent) node.AddTo(supervisor);
  auto served = ServeUntilSignal(runtime, supervisor);
  (void)os::RemoveFile(paths.pid_file());
  return served;
}

}  // namespace

cli::Verb ServerVerb() {
  auto config = std::make_shared<ServerConfig>();
  cli::Verb verb{.name = "server",
                 .summary =
                     "Run the control plane and, unless --disable-agent is given, a node on this machine: a process "
                     "of its own, `sampan agent`.",
                 .options = {},
                 .default_config = kDefaultConfigFile,
                 .run = nullptr};
  Declare(*config, verb.options);
  verb.run = [config] { return RunVerb(*config, Serve); };
  return verb;
}

}  // namespace sampan::daemon
