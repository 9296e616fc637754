// Who makes a request, and may they: the two questions every request passes. Everything is put together by
// auth_system.h.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "net/http.h"

namespace sampan::api {
class FieldSelector;
class LabelSelector;
}  // namespace sampan::api

namespace sampan::apiserver::auth {

inline constexpr std::string_view kAnonymous = "system:anonymous";
inline constexpr std::string_view kUnauthenticatedGroup = "system:unauthenticated";
inline constexpr std::string_view kAuthenticatedGroup = "system:authenticated";
inline constexpr std::string_view kMastersGroup = "system:masters";
inline constexpr std::string_view kNodesGroup = "system:nodes";
// Nodes in the process of a control plane: their labels are as good as its own.
inline constexpr std::string_view kControlPlaneNodesGroup = "system:nodes:control-plane";
inline constexpr std::string_view kServiceAccountsGroup = "system:serviceaccounts";
inline constexpr std::string_view kNodeUserPrefix = "system:node:";

// Thread-safe as a value.
struct UserInfo {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::vector<std::string>>> extra;

  bool InGroup(std::string_view group) const;
  bool operator==(const UserInfo&) const = default;
};

// Whether all of it is UTF-8: nobody else can be named in a role, an answer or the audit log.
bool IsText(const UserInfo& user);

// system:authenticated, or system:unauthenticated for system:anonymous, unless it is there.
void AddAuthenticatedGroup(UserInfo& user);

// One question to an authorizer. Views into the request: valid during the call only.
struct Attributes {
  const UserInfo* user = nullptr;
  std::string_view verb;  // get, list, watch, create, update, patch, delete, deletecollection; or the method in lower case
  std::string_view group;
  std::string_view version;
  std::string_view resource;
  std::string_view subresource;
  std::string_view namespace_;
  std::string_view name;
  // Of list, watch and deletecollection: what is asked for is no more than these select. Null: everything.
  const api::FieldSelector* fields = nullptr;
  const api::LabelSelector* labels = nullptr;
  std::string_view path;  // of requests that are not for resources
  bool resource_request = false;
};

struct Decision {
  bool allowed = false;
  std::string reason;  // why, for people; empty when there is nothing to say
};

// Thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // The user by client certificate, then bearer token; system:anonymous when the request carries neither. Unauthorized
  // when what it carries is not valid. Impersonation is a step of its own: Impersonate().
  virtual Task<Result<UserInfo>> Authenticate(const net::Request& request) = 0;
};

class RuleSource;  // rules.h

// Thread-safe; answers from memory, in about a microsecond.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual Decision Authorize(const Attributes& attributes) const = 0;
  // The same with the reason of a permission, too, which Authorize leaves out for speed.
  virtual Decision Explain(const Attributes& attributes) const { return Authorize(attributes); }
  // The rules that its answers come from; null when they come from none.
  virtual const RuleSource* rules() const { return nullptr; }
};

// Whether there are Impersonate-* headers.
bool WantsToImpersonate(const net::Headers& headers);
// The user that the Impersonate-* headers name when `user` may impersonate it; `user` itself without such headers.
// Forbidden when it may not, BadRequest for groups, uid or extra without a user.
Result<UserInfo> Impersonate(const net::Request& request, UserInfo user, const Authorizer& authorizer);

// 403 as kube-apiserver words it: `pods "x" is forbidden: User "u" cannot get resource "pods" in API group "" in the
// namespace "default"`, with the decision's reason appended.
Error ForbiddenError(const Attributes& attributes, std::string_view reason);

// That error unless `authorizer` allows it.
Result<void> Require(const Authorizer& authorizer, const Attributes& attributes);

}  // namespace sampan::apiserver::auth
