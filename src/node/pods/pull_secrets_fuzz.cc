// Image references and pull secrets are users'.
#include <cstdint>
#include <string>

#include "node/pods/pull_secrets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  const std::string image = text.substr(0, line);
  (void)sampan::node::RegistryOf(image);
  sampan::api::core::Secret secret;
  for (const char* type : {"kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"}) {
    secret.type = type;
    for (const char* key : {".dockerconfigjson", ".dockercfg"}) {
      secret.data[key] = line == std::string::npos ? std::string() : text.substr(line + 1);
    }
    (void)sampan::node::CredentialsFor(secret, image);
  }
  return 0;
}
