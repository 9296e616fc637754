#include "apiserver/auth/auth.h"

#include <algorithm>

#include "apiserver/auth/service_account.h"
#include "codec/utf8.h"

namespace sampan::apiserver::auth {
namespace {

constexpr std::string_view kExtraPrefix = "impersonate-extra-";

// As Go's %q prints names: they hold nothing that needs more.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

struct Wish {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::vector<std::string>>> extra;
};

void AddExtra(std::string key, std::string value, Wish& wish) {
  auto entry = std::ranges::find(wish.extra, key, [](const auto& pair) -> const std::string& { return pair.first; });
  if (entry == wish.extra.end()) entry = wish.extra.insert(entry, {std::move(key), {}});
  entry->second.push_back(std::move(value));
}

Wish ReadWish(const net::Headers& headers) {
  Wish wish;
  for (const auto& [name, value] : headers.items()) {
    if (!name.starts_with("impersonate-")) continue;
    if (name == "impersonate-user") wish.user = value;
    if (name == "impersonate-uid") wish.uid = value;
    if (name == "impersonate-group") wish.groups.push_back(value);
    if (name.starts_with(kExtraPrefix)) {
      std::string key = name.substr(kExtraPrefix.size());
      AddExtra(net::PercentDecode(key, net::PlusIsSpace::kNo).value_or(key), value, wish);
    }
  }
  return wish;
}

Result<void> MayImpersonate(const Authorizer& authorizer, Attributes what) {
  what.verb = "impersonate";
  what.version = "v1";
  what.resource_request = true;
  return Require(authorizer, what);
}

Result<void> CheckWish(const Wish& wish, const UserInfo& user, const Authorizer& authorizer) {
  std::optional<ServiceAccountName> account = ParseServiceAccountName(wish.user);
  if (account) {
    TRY_VOID(MayImpersonate(
        authorizer,
        {.user = &user, .resource = "serviceaccounts", .namespace_ = account->namespace_, .name = account->name}));
  } else {
    TRY_VOID(MayImpersonate(authorizer, {.user = &user, .resource = "users", .name = wish.user}));
  }
  for (const std::string& group : wish.groups) {
    TRY_VOID(MayImpersonate(authorizer, {.user = &user, .resource = "groups", .name = group}));
  }
  constexpr std::string_view kGroup = "authentication.k8s.io";
  if (!wish.uid.empty()) {
    TRY_VOID(MayImpersonate(authorizer, {.user = &user, .group = kGroup, .resource = "uids", .name = wish.uid}));
  }
  for (const auto& [key, values] : wish.extra) {
    for (const std::string& value : values) {
      TRY_VOID(MayImpersonate(
          authorizer, {.user = &user, .group = kGroup, .resource = "userextras", .subresource = key, .name = value}));
    }
  }
  return {};
}

}  // namespace

bool UserInfo::InGroup(std::string_view group) const {
  return std::ranges::find(groups, group) != groups.end();
}

bool IsText(const UserInfo& user) {
  auto valid = [](const std::string& text) { return utf8::IsValid(text); };
  return valid(user.name) && valid(user.uid) && std::ranges::all_of(user.groups, valid) &&
         std::ranges::all_of(
             user.extra, [&](const auto& entry) { return valid(entry.first) && std::ranges::all_of(entry.second, valid); });
}

void AddAuthenticatedGroup(UserInfo& user) {
  const std::string_view group = user.name == kAnonymous ? kUnauthenticatedGroup : kAuthenticatedGroup;
  if (!user.InGroup(group)) user.groups.emplace_back(group);
}

bool WantsToImpersonate(const net::Headers& headers) {
  return std::ranges::any_of(headers.items(), [](const auto& header) { return header.first.starts_with("impersonate-"); });
}

Result<UserInfo> Impersonate(const net::Request& request, UserInfo user, const Authorizer& authorizer) {
  Wish wish = ReadWish(request.headers);
  if (wish.user.empty()) {
    if (wish.groups.empty() && wish.uid.empty() && wish.extra.empty()) return user;
    return Fail(Error::BadRequest("impersonation of groups, uid or extra demands the header Impersonate-User"));
  }
  TRY_VOID(CheckWish(wish, user, authorizer));
  UserInfo other{std::move(wish.user), std::move(wish.uid), std::move(wish.groups), std::move(wish.extra)};
  if (std::optional<ServiceAccountName> account = ParseServiceAccountName(other.name); account && other.groups.empty()) {
    other.groups = ServiceAccountGroups(account->namespace_);
  }
  AddAuthenticatedGroup(other);
  if (!IsText(other)) return Fail(Error::BadRequest("the user to impersonate must be given in UTF-8"));
  return other;
}

Error ForbiddenError(const Attributes& attributes, std::string_view reason) {
  const std::string who = Quoted(attributes.user->name);
  std::string why, subject;
  ErrorDetails details;
  if (attributes.resource_request) {
    std::string resource(attributes.resource);
    if (!attributes.subresource.empty()) resource.append("/").append(attributes.subresource);
    why = fmt::format("User {} cannot {} resource {} in API group {}", who, attributes.verb, Quoted(resource),
                      Quoted(attributes.group));
    why += attributes.namespace_.empty() ? " at the cluster scope"
                                         : fmt::format(" in the namespace {}", Quoted(attributes.namespace_));
    subject = attributes.resource;
    if (!attributes.group.empty()) subject.append(".").append(attributes.group);
    if (!attributes.name.empty()) subject.append(" ").append(Quoted(attributes.name));
    subject += " is ";
    details.group = attributes.group;
    details.kind = attributes.resource;
    details.name = attributes.name;
  } else {
    why = fmt::format("User {} cannot {} path {}", who, attributes.verb, Quoted(attributes.path));
  }
  if (!reason.empty()) why.append(": ").append(reason);
  return Error::Forbidden("{}forbidden: {}", subject, why).WithDetails(std::move(details));
}

Result<void> Require(const Authorizer& authorizer, const Attributes& attributes) {
  Decision decision = authorizer.Authorize(attributes);
  if (decision.allowed) return {};
  return Fail(ForbiddenError(attributes, decision.reason));
}

}  // namespace sampan::apiserver::auth
