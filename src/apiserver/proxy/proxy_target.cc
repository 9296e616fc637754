#include "apiserver/proxy/proxy_target.h"

#include "net/http.h"

namespace sampan::apiserver {
namespace {

// Decoded, a path could say more than one line of a request.
std::string EncodePath(std::string_view path) {
  std::string encoded;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    if (begin > 0) encoded += '/';
    encoded += net::PercentEncode(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return encoded;
}

}  // namespace

std::string ProxyPrefix(const RequestInfo& info) {
  std::string namespace_ = info.namespace_.empty() ? "" : "/namespaces/" + info.namespace_;
  return fmt::format("/api/{}{}/{}/{}/proxy", info.version, namespace_, info.resource, info.name);
}

std::string ProxyTarget(std::string_view path, std::string_view query, const RequestInfo& info) {
  const std::string prefix = ProxyPrefix(info);
  std::string target;
  if (path.starts_with(prefix)) {
    target = path.substr(prefix.size());
  } else {
    target = "/" + EncodePath(info.rest);
    if (path.ends_with('/') && !target.ends_with('/')) target += '/';
  }
  if (!target.starts_with('/')) target.insert(0, "/");
  if (!query.empty()) target.append("?").append(query);
  return target;
}

}  // namespace sampan::apiserver
