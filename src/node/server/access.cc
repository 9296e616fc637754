#include "node/server/access.h"

#include <algorithm>

#include "codec/json.h"

namespace sampan::node {
namespace {

constexpr Duration kUserLifetime = std::chrono::minutes(2);
constexpr Duration kAllowedLifetime = std::chrono::minutes(5);
constexpr Duration kRefusedLifetime = std::chrono::seconds(30);
constexpr size_t kMostRemembered = 1000;
constexpr std::string_view kBearer = "Bearer ";

bool IsTrusted(const net::PeerIdentity& peer) {
  return peer.common_name == "kube-apiserver-kubelet-client" ||
         std::ranges::find(peer.organizations, "system:masters") != peer.organizations.end();
}

json::Array Strings(const std::vector<std::string>& list) {
  json::Array out;
  for (const std::string& item : list) out.emplace_back(item);
  return out;
}

template <class Map>
void Remember(Guarded<Map>& memory, std::string key, typename Map::mapped_type value, WallTime now) {
  auto locked = memory.Lock();
  if (locked->size() >= kMostRemembered)
    std::erase_if(*locked, [&](const auto& entry) { return entry.second.until <= now; });
  if (locked->size() >= kMostRemembered) locked->clear();
  (*locked)[std::move(key)] = std::move(value);
}

template <class Map>
std::optional<typename Map::mapped_type> Recall(const Guarded<Map>& memory, const std::string& key, WallTime now) {
  auto locked = memory.ReadLock();
  auto found = locked->find(key);
  if (found == locked->end() || found->second.until <= now) return std::nullopt;
  return found->second;
}

}  // namespace

AccessNeed AccessNeedOf(std::string_view method, std::string_view path) {
  AccessNeed need;
  need.verb = method == "POST"                      ? "create"
              : method == "PUT"                     ? "update"
              : method == "PATCH"                   ? "patch"
              : method == "DELETE"                  ? "delete"
              : method == "GET" || method == "HEAD" ? "get"
                                                    : "";
  auto under = [&](std::string_view root) {
    return path == root || (path.starts_with(root) && path.substr(root.size()).starts_with('/'));
  };
  if (under("/stats")) {
    need.subresources = {"stats"};
  } else if (under("/metrics")) {
    need.subresources = {"metrics"};
  } else if (under("/logs")) {
    need.subresources = {"log"};
  } else if (under("/pods") || under("/runningpods")) {
    need.subresources = {"pods", "proxy"};
  } else if (under("/healthz")) {
    need.subresources = {"healthz", "proxy"};
  } else if (under("/configz")) {
    need.subresources = {"configz", "proxy"};
  } else {
    need.subresources = {"proxy"};
    // They run commands whatever the method: a WebSocket begins with GET.
    for (std::string_view root : {"/exec", "/attach", "/run", "/portForward"}) {
      if (under(root) && need.verb == "get") need.verb = "create";
    }
  }
  return need;
}

Result<std::unique_ptr<Questions::Asked>> Questions::Ask(const std::string& caller) {
  auto open = open_.Lock();
  size_t& own = open->callers[caller];
  if (own >= kOfOneCaller || open->all >= kOfAll) {
    if (own == 0) open->callers.erase(caller);
    return Fail(Error::TooManyRequests("too many callers at once are unknown here, try again later"));
  }
  ++own;
  ++open->all;
  return std::make_unique<Asked>(*this, caller);
}

void Questions::Drop(const std::string& caller) {
  auto open = open_.Lock();
  --open->all;
  auto own = open->callers.find(caller);
  if (--own->second == 0) open->callers.erase(own);
}

Task<Result<void>> Access::Check(const net::Request* request) {
  if (request->peer != nullptr && IsTrusted(*request->peer)) co_return Result<void>();
  CO_TRY(User user, co_await Identify(request));
  AccessNeed need = AccessNeedOf(request->method, request->path);
  for (const std::string& subresource : need.subresources) {
    CO_TRY(bool allowed, co_await MayUse(user, need.verb, subresource));
    if (allowed) co_return Result<void>();
  }
  co_return Fail(Error::Forbidden("Forbidden (user={}, verb={}, resource=nodes, subresource(s)=[{}])", user.name, need.verb,
                                  fmt::join(need.subresources, " ")));
}

Task<Result<Access::User>> Access::Identify(const net::Request* request) {
  if (request->peer != nullptr) co_return User{request->peer->common_name, {}, request->peer->organizations};
  std::string_view authorization = request->headers.Get("authorization");
  if (!authorization.starts_with(kBearer)) co_return Fail(Error::Unauthorized("Unauthorized"));
  std::string token(authorization.substr(kBearer.size()));
  if (auto known = Recall(users_, token, clock_.Now())) co_return known->user;
  const std::string& address = request->remote_address;
  CO_TRY(auto asked, questions_.Ask(address.substr(0, address.rfind(':'))));
  CO_TRY(User user, co_await ReviewToken(token));
  const WallTime now = clock_.Now();
  Remember(users_, std::move(token), KnownUser{user, now + kUserLifetime}, now);
  co_return user;
}

Task<Result<Access::User>> Access::ReviewToken(std::string token) {
  client::Ref ref{.kind = api::FindKind("authentication.k8s.io/v1", "TokenReview")};
  json::Value body = json::Object{{"apiVersion", "authentication.k8s.io/v1"},
                                  {"kind", "TokenReview"},
                                  {"spec", json::Object{{"token", std::move(token)}}}};
  auto reviewed = co_await client_.Create(std::move(ref), std::move(body));
  if (!reviewed) co_return Fail(Error::ServiceUnavailable("the token cannot be reviewed: {}", reviewed.error()));
  const json::Value answer = (*reviewed)->Parse();
  const json::Value* authenticated = json::Find(answer, "status", "authenticated");
  if (authenticated == nullptr || *authenticated != true) co_return Fail(Error::Unauthorized("Unauthorized"));
  User user;
  user.name = json::FindString(json::Find(answer, "status", "user", "username"));
  user.uid = json::FindString(json::Find(answer, "status", "user", "uid"));
  const json::Value* groups = json::Find(answer, "status", "user", "groups");
  if (groups != nullptr && groups->is_array()) {
    for (const json::Value& group : groups->get_array()) user.groups.emplace_back(json::FindString(&group));
  }
  co_return user;
}

Task<Result<bool>> Access::MayUse(User user, std::string verb, std::string subresource) {
  const std::string key = fmt::format("{}\n{}\n{}\n{}", user.name, fmt::join(user.groups, ","), verb, subresource);
  if (auto known = Recall(answers_, key, clock_.Now())) co_return known->allowed;
  json::Object attributes{{"verb", std::move(verb)},
                          {"version", "v1"},
                          {"resource", "nodes"},
                          {"subresource", std::move(subresource)},
                          {"name", node_name_}};
  json::Value body = json::Object{{"apiVersion", "authorization.k8s.io/v1"},
                                  {"kind", "SubjectAccessReview"},
                                  {"spec", json::Object{{"user", user.name},
                                                        {"uid", user.uid},
                                                        {"groups", Strings(user.groups)},
                                                        {"resourceAttributes", std::move(attributes)}}}};
  client::Ref ref{.kind = api::FindKind("authorization.k8s.io/v1", "SubjectAccessReview")};
  auto reviewed = co_await client_.Create(std::move(ref), std::move(body));
  if (!reviewed) co_return Fail(Error::ServiceUnavailable("the request cannot be authorized: {}", reviewed.error()));
  const json::Value answer = (*reviewed)->Parse();
  const json::Value* allowed_value = json::Find(answer, "status", "allowed");
  const bool allowed = allowed_value != nullptr && *allowed_value == true;
  const WallTime now = clock_.Now();
  Remember(answers_, key, KnownAnswer{allowed, now + (allowed ? kAllowedLifetime : kRefusedLifetime)}, now);
  co_return allowed;
}

}  // namespace sampan::node
