#include "apiserver/auth/reviews.h"

#include <array>

#include "api/meta/field_selector.h"
#include "api/meta/label_selector.h"
#include "api/types/authentication.h"
#include "api/types/authorization.h"
#include "api/types/convert.h"
#include "apiserver/auth/node_identity.h"
#include "apiserver/auth/node_tokens.h"

namespace sampan::apiserver::auth {
namespace {

namespace authentication = api::authentication;
namespace authorization = api::authorization;

authentication::UserInfo Published(const UserInfo& user) {
  authentication::UserInfo out{user.name, user.uid, user.groups, {}};
  for (const auto& [key, values] : user.extra) out.extra[key] = values;
  return out;
}

Error Invalid(std::string_view kind, std::string_view field, std::string_view message) {
  ErrorDetails details{.group = "authorization.k8s.io", .kind = std::string(kind)};
  details.causes.push_back({"FieldValueInvalid", std::string(message), std::string(field)});
  return Error::Invalid("{}.authorization.k8s.io \"\" is invalid: {}: {}", kind, field, message)
      .WithDetails(std::move(details));
}

UserInfo UserOf(const authorization::SubjectAccessReviewSpec& spec) {
  UserInfo user{spec.user, spec.uid, spec.groups, {}};
  for (const auto& [key, values] : spec.extra) user.extra.emplace_back(key, values);
  return user;
}

// The selectors of a review. What cannot be understood limits nothing, as it would not when objects are asked for.
struct Selectors {
  api::FieldSelector fields;
  api::LabelSelector labels;
};

api::FieldSelector FieldsOf(const authorization::FieldSelectorAttributes& asked) {
  if (!asked.raw_selector.empty()) return api::FieldSelector::Parse(asked.raw_selector).value_or(api::FieldSelector());
  std::vector<api::FieldSelector::Requirement> requirements;
  for (const auto& one : asked.requirements) {
    bool in = one.operator_ == "In";
    if (one.values.size() == 1 && (in || one.operator_ == "NotIn")) requirements.push_back({one.key, one.values[0], in});
  }
  return api::FieldSelector::Of(std::move(requirements));
}

api::LabelSelector LabelsOf(const authorization::LabelSelectorAttributes& asked) {
  if (!asked.raw_selector.empty()) return api::LabelSelector::Parse(asked.raw_selector).value_or(api::LabelSelector());
  api::meta::LabelSelector selector;
  selector.match_expressions = asked.requirements;
  return api::LabelSelector::From(selector).value_or(api::LabelSelector());
}

Selectors SelectorsOf(const authorization::ResourceAttributes& asked) {
  Selectors selectors;
  if (asked.field_selector) selectors.fields = FieldsOf(*asked.field_selector);
  if (asked.label_selector) selectors.labels = LabelsOf(*asked.label_selector);
  return selectors;
}

template <class Spec>
Result<authorization::SubjectAccessReviewStatus> Answer(std::string_view kind, const Authorizer& authorizer,
                                                        const Spec& spec, const UserInfo& user) {
  if (spec.resource_attributes.has_value() == spec.non_resource_attributes.has_value()) {
    return Fail(Invalid(kind, "spec.resourceAttributes",
                        "Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified"));
  }
  Attributes attributes{.user = &user};
  Selectors selectors;
  if (spec.resource_attributes) {
    const authorization::ResourceAttributes& resource = *spec.resource_attributes;
    attributes.resource_request = true;
    attributes.verb = resource.verb;
    attributes.group = resource.group;
    attributes.version = resource.version;
    attributes.resource = resource.resource;
    attributes.subresource = resource.subresource;
    attributes.namespace_ = resource.namespace_;
    attributes.name = resource.name;
    selectors = SelectorsOf(resource);
    attributes.fields = &selectors.fields;
    attributes.labels = &selectors.labels;
  } else {
    attributes.verb = spec.non_resource_attributes->verb;
    attributes.path = spec.non_resource_attributes->path;
  }
  Decision decision = authorizer.Explain(attributes);
  authorization::SubjectAccessReviewStatus status;
  status.allowed = decision.allowed;
  status.reason = std::move(decision.reason);
  return status;
}

Result<void> CheckSubject(std::string_view kind, const authorization::SubjectAccessReviewSpec& spec) {
  if (!spec.user.empty() || !spec.groups.empty()) return {};
  return Fail(Invalid(kind, "spec.user", "Invalid value: \"\": at least one of user or group must be specified"));
}

}  // namespace

Reviews::Reviews(const StaticTokens& static_tokens, ServiceAccountTokens& service_accounts, const Authorizer& authorizer,
                 const Lookup& lookup)
    : static_tokens_(static_tokens), service_accounts_(service_accounts), authorizer_(authorizer), lookup_(lookup) {}

std::span<const std::string_view> Reviews::Kinds() {
  static constexpr std::array<std::string_view, 7> kKinds = {
      "authentication.k8s.io/tokenreviews",
      "authentication.k8s.io/selfsubjectreviews",
      "authorization.k8s.io/subjectaccessreviews",
      "authorization.k8s.io/localsubjectaccessreviews",
      "authorization.k8s.io/selfsubjectaccessreviews",
      "authorization.k8s.io/selfsubjectrulesreviews",
      "serviceaccounts/token",
  };
  return kKinds;
}

Result<json::Value> Reviews::Create(std::string_view kind, ReviewRequest request) const {
  using Answerer = Result<json::Value> (Reviews::*)(ReviewRequest) const;
  static constexpr std::array<Answerer, 7> kAnswers = {
      &Reviews::TokenReview,
      &Reviews::SelfSubjectReview,
      &Reviews::SubjectAccessReview,
      &Reviews::LocalSubjectAccessReview,
      &Reviews::SelfSubjectAccessReview,
      &Reviews::SelfSubjectRulesReview,
      &Reviews::TokenRequest,
  };
  for (size_t i = 0; i < kAnswers.size(); ++i) {
    if (Kinds()[i] == kind) return (this->*kAnswers[i])(std::move(request));
  }
  return Fail(Error::NotFound("the server could not find the requested resource"));
}

Result<json::Value> Reviews::TokenReview(ReviewRequest request) const {
  TRY(auto review, api::FromJson<authentication::TokenReview>(request.body));
  if (review.spec.token.empty()) {
    return Fail(Error::BadRequest("token is required for TokenReview in authentication"));
  }
  review.status = {};
  if (const UserInfo* user = static_tokens_.Find(review.spec.token)) {
    review.status.authenticated = true;
    review.status.user = Published(*user);
    review.status.audiences = review.spec.audiences;
    return api::ToJson(review);
  }
  Result<VerifiedToken> verified = service_accounts_.Verify(review.spec.token, review.spec.audiences);
  if (verified) {
    review.status.authenticated = true;
    review.status.user = Published(verified->user);
    review.status.audiences = std::move(verified->audiences);
  } else {
    review.status.error = fmt::format("[invalid bearer token, {}]", verified.error());
  }
  return api::ToJson(review);
}

Result<json::Value> Reviews::SelfSubjectReview(ReviewRequest request) const {
  TRY(auto review, api::FromJson<authentication::SelfSubjectReview>(request.body));
  review.status.user_info = Published(*request.user);
  return api::ToJson(review);
}

Result<json::Value> Reviews::SubjectAccessReview(ReviewRequest request) const {
  TRY(auto review, api::FromJson<authorization::SubjectAccessReview>(request.body));
  TRY_VOID(CheckSubject("SubjectAccessReview", review.spec));
  TRY(review.status, Answer("SubjectAccessReview", authorizer_, review.spec, UserOf(review.spec)));
  return api::ToJson(review);
}

Result<json::Value> Reviews::LocalSubjectAccessReview(ReviewRequest request) const {
  constexpr std::string_view kKind = "LocalSubjectAccessReview";
  TRY(auto review, api::FromJson<authorization::LocalSubjectAccessReview>(request.body));
  TRY_VOID(CheckSubject(kKind, review.spec));
  if (review.spec.non_resource_attributes) {
    return Fail(Invalid(kKind, "spec.nonResourceAttributes", "Invalid value: disallowed on this kind of request"));
  }
  if (review.spec.resource_attributes && review.spec.resource_attributes->namespace_ != request.namespace_) {
    return Fail(Invalid(kKind, "spec.resourceAttributes.namespace", "Invalid value: must match metadata.namespace"));
  }
  TRY(review.status, Answer(kKind, authorizer_, review.spec, UserOf(review.spec)));
  review.metadata.namespace_ = request.namespace_;
  return api::ToJson(review);
}

Result<json::Value> Reviews::SelfSubjectAccessReview(ReviewRequest request) const {
  TRY(auto review, api::FromJson<authorization::SelfSubjectAccessReview>(request.body));
  TRY(review.status, Answer("SelfSubjectAccessReview", authorizer_, review.spec, *request.user));
  return api::ToJson(review);
}

Result<json::Value> Reviews::SelfSubjectRulesReview(ReviewRequest request) const {
  TRY(auto review, api::FromJson<authorization::SelfSubjectRulesReview>(request.body));
  if (review.spec.namespace_.empty()) return Fail(Error::BadRequest("no namespace on request"));
  UserRules held;
  if (authorizer_.rules() != nullptr) held = authorizer_.rules()->RulesFor(*request.user, review.spec.namespace_);
  review.status = {};
  for (const api::rbac::PolicyRule& rule : held.rules) {
    if (!rule.resources.empty()) {
      review.status.resource_rules.push_back({rule.verbs, rule.api_groups, rule.resources, rule.resource_names});
    }
    if (!rule.non_resource_urls.empty()) review.status.non_resource_rules.push_back({rule.verbs, rule.non_resource_urls});
  }
  for (const std::string& role : held.missing_roles) {
    if (!review.status.evaluation_error.empty()) review.status.evaluation_error += ", ";
    fmt::format_to(std::back_inserter(review.status.evaluation_error), "role \"{}\" not found", role);
  }
  if (NodeOf(*request.user)) {
    review.status.incomplete = true;
    review.status.evaluation_error = "node authorizer does not support user rule resolution";
  }
  return api::ToJson(review);
}

Result<json::Value> Reviews::TokenRequest(ReviewRequest request) const {
  TRY(auto wanted, api::FromJson<authentication::TokenRequest>(request.body));
  if (std::optional<std::string_view> node = NodeOf(*request.user)) {
    const TokenQuestion question{request.user, *node, request.namespace_, request.name};
    TRY_VOID(CheckNodeMayAsk(lookup_, authorizer_, question, wanted));
  }
  TRY(authentication::TokenRequest issued, service_accounts_.Issue(request.namespace_, request.name, std::move(wanted)));
  return api::ToJson(issued);
}

}  // namespace sampan::apiserver::auth
