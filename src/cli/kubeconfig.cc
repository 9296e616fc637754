// `sampan kubeconfig`
#include <cstdio>
#include <memory>

#include "cli/verbs.h"
#include "client/kubeconfig.h"
#include "os/file.h"

namespace sampan::cli {
namespace {

struct KubeconfigOptions {
  std::string data_dir = "/var/lib/sampan";
  std::string server;
};

Result<std::string> Kubeconfig(const KubeconfigOptions& options) {
  std::string path = options.data_dir + "/admin.kubeconfig";
  if (options.server.empty()) return os::ReadFile(path, os::kConfigFileLimit);
  TRY(client::ClientConfig config, client::LoadKubeconfig(path));
  config.server = options.server;
  return client::FormatKubeconfig(config, "sampan");
}

}  // namespace

Verb KubeconfigVerb() {
  auto options = std::make_shared<KubeconfigOptions>();
  Verb verb{.name = "kubeconfig",
            .summary = "Print the administrator's kubeconfig of the server on this machine.",
            .options = {},
            .default_config = "",
            .run = nullptr};
  verb.options.Add(&options->data_dir, "data-dir", "DIR", "Where the server's state lies.", IsAbsolutePath());
  verb.options.Add(&options->server, "server", "URL", "Address to put in, for use from other machines.");
  verb.run = [options] {
    auto text = Kubeconfig(*options);
    if (!text) {
      std::fprintf(stderr, "sampan: %s; start a server first, or name its --data-dir\n", text.error().message().c_str());
      return 1;
    }
    std::fputs(text->c_str(), stdout);
    return 0;
  };
  return verb;
}

}  // namespace sampan::cli
