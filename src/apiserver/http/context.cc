#include "apiserver/http/context.h"

namespace sampan::apiserver {

namespace {

// "v1.36.0" of "v1.36.0+sampan".
std::string PublishedVersion(const std::string& version) {
  return version.substr(0, version.find('+'));
}

}  // namespace

HttpContext::HttpContext(Registry& served, auth::Authenticator& who, auth::Authorizer& may, IoLoops& loops,
                         HttpOptions http_options)
    : registry(served),
      authenticator(who),
      authorizer(may),
      options(std::move(http_options)),
      metrics(served),
      openapi([this] { return kinds; }, PublishedVersion(options.version)),
      connections(loops, options.kubelet_tls) {
  for (const api::KindInfo* kind : api::BuiltinKinds()) kinds.push_back(kind);
}

}  // namespace sampan::apiserver
