// kubeconfig files: which server, and as whom.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace sampan::client {

// One context, resolved: files named by the kubeconfig have been read.
struct ClientConfig {
  std::string server;  // "https://10.0.0.1:6443"
  std::string ca_pem;
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name;
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::string token;
  std::string token_file;  // re-read when it changes (service account tokens rotate)
  std::string username, password;
  std::string namespace_ = "default";

  bool operator==(const ClientConfig&) const = default;
};

// Parses kubeconfig YAML; `context` empty takes current-context. Relative file names are relative to `directory`.
// BadRequest naming what is missing or malformed. Reads the named files: call on a thread that may block.
Result<ClientConfig> ParseKubeconfig(std::string_view yaml, std::string_view context = {}, std::string_view directory = {});
Result<ClientConfig> LoadKubeconfig(const std::string& path, std::string_view context = {});
// The service account of the pod this process runs in; NotFound outside a pod.
Result<ClientConfig> LoadInClusterConfig();

// A kubeconfig with one cluster, user and context of the given name, all data inline.
std::string FormatKubeconfig(const ClientConfig& config, std::string_view name);

}  // namespace sampan::client
