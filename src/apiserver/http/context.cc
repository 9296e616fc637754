#include "apiserver/http/context.h"

namespace sampan::apiserver {

namespace {

// "v1.36.0" of "v1.36.0+sampan".
std::string PublishedVersion(const std::string& version) {
  return version.substr(0, version.find('+'));
}

}  // namespace

HttpContext::HttpContext(Core& served, RequestGate& the_gate, Metrics& counts, auth::Authenticator& who, IoLoops& loops,
                         HttpOptions http_options)
    : core(served),
      gate(the_gate),
      registry(served.registry),
      authenticator(who),
      options(std::move(http_options)),
      metrics(counts),
      openapi([this] { return kinds; }, PublishedVersion(options.version)),
      connections(loops, options.kubelet_tls) {
  for (const api::KindInfo* kind : api::BuiltinKinds()) kinds.push_back(kind);
}

}  // namespace sampan::apiserver
