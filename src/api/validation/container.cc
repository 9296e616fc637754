#include "api/meta/names.h"
#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

// What the containers of one pod may not have in common.
struct Shared {
  std::set<std::string, std::less<>> names;
  std::set<std::string, std::less<>> host_ports;
  std::vector<std::string> own_ports;  // of host_ports, those of the container that is being looked at
  std::set<std::string_view> volumes;
  bool host_network = false;
  OwnUsers own_users = OwnUsers::kNo;
};

void Ports(const View& ports, Shared& shared, Causes& causes) {
  std::set<std::string_view> names;
  ports.ForEach([&](const View& port) {
    View name = port["name"];
    if (!name.Empty()) {
      for (const std::string& fault : CheckPortName(name.Str())) causes.Invalid(name.path(), name.Str(), fault);
    }
    if (!name.Empty() && !names.insert(name.Str()).second) causes.Duplicate(name.path(), name.Str());
    View number = port["containerPort"];
    if (number.Int() == 0) {
      causes.Required(number.path());
    } else {
      PortNumber(number, causes);
    }
    View host = port["hostPort"];
    View protocol = port["protocol"];
    if (host.Int() != 0) {
      PortNumber(host, causes);
      std::string key = fmt::format("{}/{}/{}", protocol.Str(), port["hostIP"].Str(), host.Int());
      if (shared.host_ports.insert(key).second) {
        shared.own_ports.push_back(std::move(key));
      } else {
        causes.Duplicate(host.path(), key);
      }
    }
    if (shared.host_network && host.Int() != number.Int()) {
      causes.Invalid(host.path(), host.Int(), "must match `containerPort` when `hostNetwork` is true");
    }
    RequireOneOf(protocol, {"SCTP", "TCP", "UDP"}, causes);
  });
}

void Mounts(const View& container, const Shared& shared, Causes& causes) {
  View mounts = container["volumeMounts"];
  View security = container["securityContext"];
  std::set<std::string_view> paths;
  View devices = container["volumeDevices"];
  devices.ForEach([&](const View& device) {
    View name = device["name"];
    if (!shared.volumes.contains(name.Str())) causes.NotFound(name.path(), name.Str());
  });
  mounts.ForEach([&](const View& mount) {
    View name = mount["name"];
    if (name.Empty()) {
      causes.Required(name.path());
    } else if (!shared.volumes.contains(name.Str())) {
      causes.NotFound(name.path(), name.Str());
    }
    View path = mount["mountPath"];
    if (path.Empty()) {
      causes.Required(path.path());
    } else if (!paths.insert(path.Str()).second) {
      causes.Invalid(path.path(), path.Str(), "must be unique");
    }
    View sub_path = mount["subPath"];
    View sub_path_expr = mount["subPathExpr"];
    RelativePath(sub_path, causes);
    RelativePath(sub_path_expr, causes);
    if (!sub_path.Empty() && !sub_path_expr.Empty()) {
      causes.Invalid(sub_path_expr.path(), sub_path_expr.Str(), "subPathExpr and subPath are mutually exclusive");
    }
    View propagation = mount["mountPropagation"];
    OneOf(propagation, {"Bidirectional", "HostToContainer", "None"}, causes);
    if (propagation.Str() == "Bidirectional" && !security["privileged"].True()) {
      causes.Forbidden(propagation.path(), "Bidirectional mount propagation is available only to privileged containers");
    }
  });
}

// What containers of every sort have.
void Common(const View& container, Shared& shared, Causes& causes) {
  View name = container["name"];
  RequireName(name, names::Dns1123Label, causes);
  if (!name.Empty() && !shared.names.insert(std::string(name.Str())).second) causes.Duplicate(name.path(), name.Str());
  View image = container["image"];
  std::string_view text = image.Str();
  if (text.empty()) {
    causes.Required(image.path());
  } else if (std::string_view(" \t\r\n").find(text.front()) != std::string_view::npos ||
             std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos) {
    causes.Invalid(image.path(), text, "must not have leading or trailing whitespace");
  }
  RequireOneOf(container["terminationMessagePolicy"], {"File", "FallbackToLogsOnError"}, causes);
  Ports(container["ports"], shared, causes);
  Environment(container, causes);
  Mounts(container, shared, causes);
  RequireOneOf(container["imagePullPolicy"], {"Always", "IfNotPresent", "Never"}, causes);
  Resources(container["resources"], causes);
  ContainerSecurity(container["securityContext"], shared.own_users, causes);
}

constexpr std::string_view kProbes[] = {"livenessProbe", "readinessProbe", "startupProbe"};

// Probes and hooks of a container that keeps running: an ordinary one or a sidecar.
void Running(const View& container, const View& grace, Causes& causes) {
  Lifecycle(container["lifecycle"], grace, causes);
  for (std::string_view field : kProbes) {
    View probe = container[field];
    if (!probe.Present()) continue;
    Probe(probe, causes);
    View successes = probe["successThreshold"];
    if (field != "readinessProbe" && successes.Int() != 1) {
      causes.Invalid(successes.path(), successes.Int(), "must be 1");
    }
    View period = probe["terminationGracePeriodSeconds"];
    if (field == "readinessProbe" && period.Present()) {
      causes.Invalid(period.path(), period.Value(), "must not be set for readinessProbes");
    }
  }
}

void InitContainer(const View& container, const View& grace, Causes& causes) {
  View policy = container["restartPolicy"];
  if (policy.Str() == "Always") return Running(container, grace, causes);
  constexpr std::string_view kNotHere = "may not be set for init containers without restartPolicy=Always";
  for (std::string_view field : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"}) {
    View value = container[field];
    if (value.Present()) causes.Forbidden(value.path(), kNotHere);
  }
}

// A tool to look into a running pod: it must not become a part of the workload.
void EphemeralContainer(const View& container, const std::set<std::string, std::less<>>& ordinary, Causes& causes) {
  constexpr std::string_view kNotHere = "cannot be set for an Ephemeral Container";
  for (std::string_view field : {"ports", "resources", "resizePolicy", "restartPolicy", "livenessProbe", "readinessProbe",
                                 "startupProbe", "lifecycle"}) {
    View value = container[field];
    bool set = value.Raw() != nullptr && value.Raw()->is_string() ? !value.Empty() : value.Size() > 0;
    if (set) causes.Forbidden(value.path(), kNotHere);
  }
  View mounts = container["volumeMounts"];
  mounts.ForEach([&](const View& mount) {
    for (std::string_view field : {"subPath", "subPathExpr"}) {
      View path = mount[field];
      if (!path.Empty()) causes.Forbidden(path.path(), kNotHere);
    }
  });
  View target = container["targetContainerName"];
  if (!target.Empty() && !ordinary.contains(target.Str())) causes.NotFound(target.path(), target.Str());
}

}  // namespace

void Containers(const View& spec, Causes& causes) {
  Shared shared;
  shared.host_network = spec["hostNetwork"].True();
  View host_users = spec["hostUsers"];
  if (host_users.Present() && !host_users.True()) shared.own_users = OwnUsers::kYes;
  View volumes = spec["volumes"];
  volumes.ForEach([&](const View& volume) { shared.volumes.insert(volume["name"].Str()); });
  View grace = spec["terminationGracePeriodSeconds"];
  View containers = spec["containers"];
  if (containers.Empty()) causes.Required(containers.path());
  containers.ForEach([&](const View& container) {
    Common(container, shared, causes);
    OneOf(container["restartPolicy"], {"Always", "Never", "OnFailure"}, causes);
    Running(container, grace, causes);
  });
  View init = spec["initContainers"];
  init.ForEach([&](const View& container) {
    // They run one after another, so that they may share a host port with each other.
    shared.own_ports.clear();
    Common(container, shared, causes);
    for (const std::string& port : shared.own_ports) shared.host_ports.erase(port);
    OneOf(container["restartPolicy"], {"Always", "Never", "OnFailure"}, causes);
    InitContainer(container, grace, causes);
  });
  View ephemeral = spec["ephemeralContainers"];
  const std::set<std::string, std::less<>> ordinary = shared.names;
  ephemeral.ForEach([&](const View& container) {
    Common(container, shared, causes);
    EphemeralContainer(container, ordinary, causes);
  });
}

}  // namespace sampan::api::rules
