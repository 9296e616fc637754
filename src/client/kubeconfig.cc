#include "client/kubeconfig.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/yaml.h"

namespace sampan::client {
namespace {

constexpr std::string_view kServiceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(Error::Errno(errno, path));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return text;
}

// The entry called `name` of a kubeconfig's list; its part `member`.
Result<const json::Value*> FindNamed(const json::Value& config, std::string_view list, std::string_view member,
                                     std::string_view name) {
  const json::Value* entries = json::Find(config, list);
  if (entries != nullptr && entries->is_array()) {
    for (const json::Value& entry : entries->as_array()) {
      if (json::FindString(json::Find(entry, "name")) != name) continue;
      const json::Value* found = json::Find(entry, member);
      if (found != nullptr && found->is_object()) return found;
    }
  }
  return Fail(Error::BadRequest("kubeconfig: {} has no entry \"{}\" with a {}", list, name, member));
}

// What `<key>-data` holds, or the file that `key` names; empty when neither is set.
Result<std::string> DataOrFile(const json::Value& entry, std::string_view key, std::string_view directory) {
  std::string_view data = json::FindString(json::Find(entry, std::string(key) + "-data"));
  if (!data.empty()) {
    auto decoded = base64::Decode(data);
    if (!decoded) return Fail(Error::BadRequest("kubeconfig: {}-data is not base64", key));
    return *std::move(decoded);
  }
  std::string_view file = json::FindString(json::Find(entry, key));
  if (file.empty()) return std::string();
  return ReadFile((std::filesystem::path(directory) / file).string());
}

Result<void> ReadUser(const json::Value& user, std::string_view directory, ClientConfig& out) {
  TRY(out.client_certificate_pem, DataOrFile(user, "client-certificate", directory));
  TRY(out.client_key_pem, DataOrFile(user, "client-key", directory));
  out.token = json::FindString(json::Find(user, "token"));
  std::string_view token_file = json::FindString(json::Find(user, "tokenFile"));
  if (!token_file.empty()) out.token_file = (std::filesystem::path(directory) / token_file).string();
  out.username = json::FindString(json::Find(user, "username"));
  out.password = json::FindString(json::Find(user, "password"));
  if (json::Find(user, "exec") != nullptr || json::Find(user, "auth-provider") != nullptr) {
    return Fail(Error::BadRequest("kubeconfig: credentials from exec and auth-provider plugins are not supported"));
  }
  return {};
}

}  // namespace

Result<ClientConfig> ParseKubeconfig(std::string_view yaml, std::string_view context, std::string_view directory) {
  TRY(json::Value config, yaml::Parse(yaml));
  std::string_view name = context.empty() ? json::FindString(json::Find(config, "current-context")) : context;
  if (name.empty()) return Fail(Error::BadRequest("kubeconfig: no context was named and current-context is not set"));
  TRY(const json::Value* chosen, FindNamed(config, "contexts", "context", name));

  ClientConfig out;
  std::string_view cluster_name = json::FindString(json::Find(*chosen, "cluster"));
  TRY(const json::Value* cluster, FindNamed(config, "clusters", "cluster", cluster_name));
  out.server = json::FindString(json::Find(*cluster, "server"));
  if (out.server.empty()) return Fail(Error::BadRequest("kubeconfig: cluster \"{}\" names no server", cluster_name));
  TRY(out.ca_pem, DataOrFile(*cluster, "certificate-authority", directory));
  const json::Value* insecure = json::Find(*cluster, "insecure-skip-tls-verify");
  out.insecure_skip_tls_verify = insecure != nullptr && insecure->is_bool() && insecure->as_bool();
  out.tls_server_name = json::FindString(json::Find(*cluster, "tls-server-name"));

  std::string_view user_name = json::FindString(json::Find(*chosen, "user"));
  if (!user_name.empty()) {
    TRY(const json::Value* user, FindNamed(config, "users", "user", user_name));
    TRY_VOID(ReadUser(*user, directory, out));
  }
  out.namespace_ = json::FindString(json::Find(*chosen, "namespace"), "default");
  return out;
}

Result<ClientConfig> LoadKubeconfig(const std::string& path, std::string_view context) {
  TRY(std::string text, ReadFile(path));
  auto config = ParseKubeconfig(text, context, std::filesystem::path(path).parent_path().string());
  if (!config) return Fail(config.error().Annotate(path));
  return config;
}

Result<ClientConfig> LoadInClusterConfig() {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr) return Fail(Error::NotFound("this process does not run in a pod of a cluster"));
  ClientConfig out;
  bool ipv6 = std::string_view(host).find(':') != std::string_view::npos;
  out.server = ipv6 ? fmt::format("https://[{}]:{}", host, port) : fmt::format("https://{}:{}", host, port);
  out.token_file = fmt::format("{}/token", kServiceAccountDirectory);
  TRY(out.ca_pem, ReadFile(fmt::format("{}/ca.crt", kServiceAccountDirectory)));
  TRY(out.namespace_, ReadFile(fmt::format("{}/namespace", kServiceAccountDirectory)));
  return out;
}

std::string FormatKubeconfig(const ClientConfig& config, std::string_view name) {
  json::Object cluster{{"server", config.server}};
  if (!config.ca_pem.empty()) cluster["certificate-authority-data"] = base64::Encode(config.ca_pem);
  if (config.insecure_skip_tls_verify) cluster["insecure-skip-tls-verify"] = true;
  if (!config.tls_server_name.empty()) cluster["tls-server-name"] = config.tls_server_name;
  json::Object user;
  if (!config.client_certificate_pem.empty()) {
    user["client-certificate-data"] = base64::Encode(config.client_certificate_pem);
    user["client-key-data"] = base64::Encode(config.client_key_pem);
  }
  if (!config.token.empty()) user["token"] = config.token;
  if (!config.token_file.empty()) user["tokenFile"] = config.token_file;
  if (!config.username.empty()) user["username"] = config.username;
  if (!config.password.empty()) user["password"] = config.password;
  json::Object context{{"cluster", name}, {"user", name}};
  if (config.namespace_ != "default") context["namespace"] = config.namespace_;
  json::Value whole = json::Object{
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"clusters", json::Array{json::Object{{"name", name}, {"cluster", std::move(cluster)}}}},
      {"users", json::Array{json::Object{{"name", name}, {"user", std::move(user)}}}},
      {"contexts", json::Array{json::Object{{"name", name}, {"context", std::move(context)}}}},
      {"current-context", name},
  };
  return yaml::Serialize(whole);
}

}  // namespace sampan::client
