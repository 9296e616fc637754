// The part of PodWorker that starts containers: image, environment, mounts, creation, start, postStart.
#include <set>

#include "async/spawn.h"
#include "base/log.h"
#include "base/saturate.h"
#include "node/pods/pull_secrets.h"
#include "node/pods/worker.h"
#include "os/file.h"

namespace sampan::node {

using namespace api::core;
using std::chrono::seconds;

namespace {

constexpr Duration kConfigRetry = seconds(5);  // after a missing ConfigMap and the like
constexpr Duration kRuntimeRetry = seconds(10);
constexpr size_t kMostCredentials = 32;  // tried with one pull: each asks the registry

// Always for a tag that moves, unless the pod says otherwise.
std::string_view PullPolicy(const Container& container) {
  if (!container.image_pull_policy.empty()) return container.image_pull_policy;
  std::string_view image = container.image;
  size_t slash = image.rfind('/');
  std::string_view last = slash == std::string_view::npos ? image : image.substr(slash + 1);
  bool moves = last.ends_with(":latest") || last.find(':') == std::string_view::npos;
  return moves && last.find('@') == std::string_view::npos ? "Always" : "IfNotPresent";
}

struct HostFiles {
  std::string etc_hosts_path, etc_hosts;
  std::string message_path, log_dir;
};

// What is mounted into the container must be there before.
Result<void> PrepareFiles(const HostFiles& files, bool host_network) {
  TRY_VOID(os::MakeDirs(std::string(os::DirName(files.message_path)), 0750));
  TRY_VOID(os::WriteFileAtomic(files.message_path, "", {.mode = 0666, .sync = os::Sync::kNo}));
  std::string hosts = files.etc_hosts;
  if (host_network) {
    Result<std::string> of_host = os::ReadFile("/etc/hosts", os::kConfigFileLimit);
    if (!of_host) LOG_WARN("node", "the host's own names are not told to pods: {}", of_host.error());
    if (of_host) hosts.insert(0, *of_host);
  }
  // Containers may have written into it what they like: more than what belongs there need not be read.
  if (os::ReadFile(files.etc_hosts_path, hosts.size(), os::Links::kRefuse).value_or("") != hosts) {
    TRY_VOID(os::WriteFileAtomic(files.etc_hosts_path, hosts, {.mode = 0644, .sync = os::Sync::kNo}));
  }
  return os::MakeDirs(files.log_dir, 0755);
}

}  // namespace

// How a failure to start is shown and when it is tried again.
struct PodWorker::StartFailure {
  std::string reason;
  Duration retry = kRuntimeRetry;
};

Task<void> PodWorker::Start(PodPtr pod, StartContainer start, CancelToken stop) {
  const std::string name = start.container.name;
  StartFailure failure;
  Result<void> started = co_await TryStart(pod, start, &failure, stop);
  ContainerMemory& memory = memory_.Ensure(name);
  if (started) {
    memory.waiting.reset();
    memory.retry_at.reset();
    memory.pulls = Backoff();
    told_.erase(name);
    co_return;
  }
  runtime_dirty_ = true;
  if (stop.Requested()) co_return;  // given up for something more urgent, not failed
  memory.waiting = WaitingReason{failure.reason, started.error().message()};
  memory.retry_at = services_.clock.Now() + failure.retry;
}

Task<Result<void>> PodWorker::TryStart(PodPtr pod, StartContainer start, StartFailure* failure, CancelToken stop) {
  const Container& container = start.container;
  CO_TRY(cri::Image image, co_await EnsureImage(pod, &container, failure, stop));

  *failure = {"CreateContainerConfigError", kConfigRetry};
  auto config_error = [&](const Error& error) {
    Event(client::EventType::kWarning, "Failed", fmt::format("Error: {}", error), container.name);
    return Fail(error);
  };
  auto environment = co_await Environment(pod, &container);
  if (!environment) co_return config_error(environment.error());
  auto mounts = co_await services_.volumes.Mounts(pod.get(), &container, &*environment);
  if (!mounts) co_return config_error(mounts.error());
  auto config = BuildContainerConfig({*pod, container, start.attempt, *std::move(environment), *std::move(mounts), image,
                                      services_.paths, services_.node_memory_bytes, start.target_id});
  if (!config) co_return config_error(config.error());

  *failure = {"CreateContainerError", kRuntimeRetry};
  const cri::Sandbox* sandbox = runtime_.sandbox();
  if (sandbox == nullptr) co_return Fail(Error::InternalError("the pod has no sandbox"));
  cri::SandboxConfig sandbox_config = BuildSandboxConfig({*pod, sandbox->attempt, services_.dns, services_.paths});
  const std::string log_path = sandbox_config.log_directory + "/" + config->log_path;
  HostFiles host_files{services_.paths.EtcHosts(pod->metadata.uid),
                       EtcHosts(*pod, sandbox->ips, services_.dns.cluster_domain, {}),
                       services_.paths.TerminationMessage(pod->metadata.uid, container.name, start.attempt),
                       std::string(os::DirName(log_path))};
  const bool host_network = pod->spec.host_network.value_or(false);
  const std::string sandbox_id = sandbox->id;
  Result<void> files =
      co_await services_.blocking.Run([&host_files, host_network] { return PrepareFiles(host_files, host_network); });
  if (!files) co_return files;
  auto id = co_await services_.runtime.CreateContainer(sandbox_id, *std::move(config), std::move(sandbox_config));
  if (!id) {
    Event(client::EventType::kWarning, "Failed", fmt::format("Error: {}", id.error()), container.name);
    co_return Fail(id.error());
  }
  Event(client::EventType::kNormal, "Created", fmt::format("Created container: {}", container.name), container.name);

  *failure = {"RunContainerError", kRuntimeRetry};
  if (start.after_failure) memory_.Ensure(container.name).restarts.Next(services_.clock.Now());
  Result<void> started = co_await services_.runtime.StartContainer(*id);
  if (!started) {
    Event(client::EventType::kWarning, "Failed", fmt::format("Error: {}", started.error()), container.name);
    co_return started;
  }
  memory_.Ensure(container.name).applied_to = *id;
  memory_.Ensure(container.name).applied = container.resources.OrEmpty();
  Event(client::EventType::kNormal, "Started", fmt::format("Started container {}", container.name), container.name);
  *failure = {"PostStartHookError", kRuntimeRetry};
  std::vector<Task<Result<void>>> both;
  both.push_back(LinkLog(pod, container.name, *id, log_path));
  both.push_back(AfterStart(pod, &container, *id, sandbox_id, stop));
  std::vector<Result<void>> done = co_await WhenAll(std::move(both));
  if (!done[0]) LOG_DEBUG("node", "{}", done[0].error());
  co_return std::move(done[1]);
}

Task<Result<void>> PodWorker::AfterStart(PodPtr pod, const Container* container, std::string id, std::string sandbox_id,
                                         CancelToken stop) {
  CO_TRY_VOID(co_await PostStart(pod, container, id, stop));
  co_await LookAtContainer(std::move(id), std::move(sandbox_id));
  co_return Result<void>();
}

Task<Result<void>> PodWorker::LinkLog(PodPtr pod, std::string container, std::string id, std::string log_path) {
  std::string link = services_.paths.ContainerLogLinks() + "/" +
                     Paths::ContainerLogLink(pod->metadata.name, pod->metadata.namespace_, container, id);
  auto relink = [link, log_path]() -> Result<void> {
    TRY_VOID(os::MakeDirs(std::string(os::DirName(link)), 0755));
    return os::SwapSymlink(link, log_path);
  };
  Result<void> linked = co_await services_.blocking.Run(std::move(relink));
  co_return linked;
}

Task<Result<void>> PodWorker::FindImageAhead(PodPtr pod) {
  image_ahead_.reset();
  const auto& containers = pod->spec.init_containers.empty() ? pod->spec.containers : pod->spec.init_containers;
  if (containers.empty()) co_return Result<void>();
  const std::string name = containers.front().image;
  auto found = co_await services_.runtime.FindImage(name);
  if (found && *found) image_ahead_.emplace(name, **std::move(found));
  co_return Result<void>();
}

Task<Result<std::optional<cri::Image>>> PodWorker::FindImage(std::string name) {
  auto ahead = std::exchange(image_ahead_, std::nullopt);
  if (ahead && ahead->first == name) co_return std::optional<cri::Image>(std::move(ahead->second));
  auto found = co_await services_.runtime.FindImage(std::move(name));
  co_return found;
}

Task<Result<cri::Image>> PodWorker::EnsureImage(PodPtr pod, const Container* container, StartFailure* failure,
                                                CancelToken stop) {
  *failure = {"ImageInspectError", kRuntimeRetry};
  const std::string& name = container->image;
  auto present = co_await FindImage(name);
  if (!present) co_return Fail(present.error());
  std::string_view policy = PullPolicy(*container);
  if (*present && policy != "Always") {
    Event(client::EventType::kNormal, "Pulled", fmt::format("Container image \"{}\" already present on machine", name),
          container->name);
    co_return **std::move(present);
  }
  if (policy == "Never") {
    *failure = {"ErrImageNeverPull", kRuntimeRetry};
    std::string message = fmt::format("Container image \"{}\" is not present with pull policy of Never", name);
    Event(client::EventType::kWarning, "ErrImageNeverPull", message, container->name);
    co_return Fail(Error::NotFound("{}", message));
  }
  Backoff& backoff = memory_.Ensure(container->name).pulls;
  std::optional<WallTime> failed_at = memory_.Ensure(container->name).pull_failed;
  Duration left = failed_at ? backoff.Remaining(*failed_at, services_.clock.Now()) : Duration(0);
  if (left > Duration(0)) {
    *failure = {"ImagePullBackOff", left};
    std::string message = fmt::format("Back-off pulling image \"{}\"", name);
    Event(client::EventType::kNormal, "BackOff", message, container->name);
    Event(client::EventType::kWarning, "Failed", "Error: ImagePullBackOff", container->name);
    co_return Fail(Error::ServiceUnavailable("{}", message));
  }
  *failure = {"ErrImagePull", seconds(1)};
  Result<void> pulled = co_await Pull(pod, container, stop);
  if (!pulled) {
    if (!stop.Requested()) {
      ContainerMemory& memory = memory_.Ensure(container->name);
      memory.pulls.Next(services_.clock.Now());
      memory.pull_failed = services_.clock.Now();
    }
    co_return Fail(pulled.error());
  }
  CO_TRY(present, co_await services_.runtime.FindImage(name));
  if (!*present) co_return Fail(Error::NotFound("image \"{}\" is gone right after it was pulled", name));
  co_return **std::move(present);
}

Task<Result<void>> PodWorker::Pull(PodPtr pod, const Container* container, CancelToken stop) {
  const std::string& image = container->image;
  std::vector<cri::Auth> candidates;
  std::set<std::string_view> seen;
  for (const LocalObjectReference& reference : pod->spec.image_pull_secrets) {
    if (!seen.insert(reference.name).second || candidates.size() >= kMostCredentials) continue;
    auto secret = co_await client::Get<Secret>(services_.client, pod->metadata.namespace_, reference.name);
    if (!secret) {
      Event(client::EventType::kWarning, "FailedToRetrieveImagePullSecret",
            fmt::format("Unable to retrieve some image pull secrets ({}); attempting to pull the image may not succeed.",
                        reference.name));
      continue;
    }
    for (cri::Auth& auth : CredentialsFor(**secret, image)) candidates.push_back(std::move(auth));
  }
  if (candidates.size() > kMostCredentials) candidates.resize(kMostCredentials);
  candidates.emplace_back();  // without credentials at last
  Event(client::EventType::kNormal, "Pulling", fmt::format("Pulling image \"{}\"", image), container->name);
  const MonoTime begin = services_.clock.Monotonic();
  Result<std::string> pulled = Fail(Error::InternalError("not tried"));
  for (cri::Auth& auth : candidates) {
    cri::SandboxConfig sandbox = BuildSandboxConfig({*pod, 0, services_.dns, services_.paths});
    pulled = co_await services_.runtime.PullImage(image, std::move(auth), std::move(sandbox), stop);
    if (pulled || stop.Requested()) break;
  }
  if (!pulled) {
    if (!stop.Requested()) {
      Event(client::EventType::kWarning, "Failed", fmt::format("Failed to pull image \"{}\": {}", image, pulled.error()),
            container->name);
      Event(client::EventType::kWarning, "Failed", "Error: ErrImagePull", container->name);
    }
    co_return Fail(pulled.error());
  }
  Duration took = std::chrono::floor<std::chrono::milliseconds>(services_.clock.Monotonic() - begin);
  Event(client::EventType::kNormal, "Pulled",
        fmt::format("Successfully pulled image \"{}\" in {}", image, FormatDuration(took)), container->name);
  co_return Result<void>();
}

Task<Result<EnvList>> PodWorker::Environment(PodPtr pod, const Container* container) {
  EnvReferences references = EnvReferencesOf(*container);
  EnvSources sources;
  const std::string& ns = pod->metadata.namespace_;
  for (const std::string& name : references.config_maps) {
    auto got = co_await client::Get<ConfigMap>(services_.client, ns, name);
    if (!got && !got.error().Is(Reason::kNotFound)) co_return Fail(got.error());
    if (got) sources.config_maps[name] = *got;
  }
  for (const std::string& name : references.secrets) {
    auto got = co_await client::Get<Secret>(services_.client, ns, name);
    if (!got && !got.error().Is(Reason::kNotFound)) co_return Fail(got.error());
    if (got) sources.secrets[name] = *got;
  }
  std::vector<client::TypedPtr<Service>> services;
  if (pod->spec.enable_service_links.value_or(true)) services = services_.service_list.ListNamespace(ns);
  auto master = services_.service_list.Get("default", "kubernetes");
  if (master && (ns != "default" || services.empty())) services.push_back(master);
  sources.services = ServiceEnvironment(services);
  PodFacts facts = Facts();
  co_return BuildEnvironment(*container, facts.Fields(*pod), sources);
}

Task<Result<void>> PodWorker::PostStart(PodPtr pod, const Container* container, std::string id, CancelToken stop) {
  if (!container->lifecycle || !container->lifecycle->post_start) co_return Result<void>();
  const LifecycleHandler& handler = *container->lifecycle->post_start;
  Result<void> ran;
  if (handler.sleep) {
    co_await services_.clock.Sleep(BoundedSeconds(handler.sleep->seconds), stop);
  } else {
    ran = co_await RunHook(&services_.probes, &handler, {id, PodIp(), container}, std::chrono::minutes(2), stop);
  }
  if (ran || stop.Requested()) co_return ran;
  Event(client::EventType::kWarning, "FailedPostStartHook", fmt::format("PostStartHook failed: {}", ran.error()),
        container->name);
  const Duration grace = BoundedSeconds(pod->spec.termination_grace_period_seconds.value_or(30));
  co_await services_.runtime.StopContainer(id, grace, stop);
  co_return ran;
}

}  // namespace sampan::node
