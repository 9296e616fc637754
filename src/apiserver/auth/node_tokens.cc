#include "apiserver/auth/node_tokens.h"

#include <algorithm>

#include "api/types/core.h"

namespace sampan::apiserver::auth {
namespace {

// Why a token bound to `reference` is none of the node's business; empty when it is.
std::string BindingRefusal(const api::authentication::BoundObjectReference& reference, const api::Object& pod,
                           std::string_view node) {
  if (pod.uid() != reference.uid) {
    return fmt::format(
        "the UID in the bound object reference ({}) does not match the UID in record. The object might have been deleted "
        "and "
        "then recreated",
        reference.uid);
  }
  if (pod.As<api::core::Pod>().spec.node_name == node) return {};
  return "node requested token bound to a pod scheduled on a different node";
}

bool VolumesName(const api::core::PodSpec& spec, std::string_view audience) {
  auto projects = [&](const api::core::VolumeProjection& source) {
    return source.service_account_token && source.service_account_token->audience == audience;
  };
  return std::ranges::any_of(spec.volumes, [&](const api::core::Volume& volume) {
    return volume.projected && std::ranges::any_of(volume.projected->sources, projects);
  });
}

std::string AudienceRefusal(const Authorizer& authorizer, const TokenQuestion& question, const api::core::PodSpec& spec,
                            const std::vector<std::string>& audiences) {
  if (audiences.size() > 1) return "node may only request 0 or 1 audiences";
  const std::string_view audience = audiences.empty() ? std::string_view() : audiences[0];
  if (VolumesName(spec, audience)) return {};
  Attributes attributes;
  attributes.user = question.user;
  attributes.verb = "request-serviceaccounts-token-audience";
  attributes.version = "v1";
  attributes.resource = audience;
  attributes.namespace_ = question.namespace_;
  attributes.name = question.account;
  attributes.resource_request = true;
  if (authorizer.Authorize(attributes).allowed) return {};
  return fmt::format("audience \"{}\" not found in pod spec volume", audience);
}

}  // namespace

Result<void> CheckNodeMayAsk(const Lookup& lookup, const Authorizer& authorizer, const TokenQuestion& question,
                             const api::authentication::TokenRequest& request) {
  std::string why;
  const auto& reference = request.spec.bound_object_ref;
  if (!reference || reference->kind != "Pod" || reference->api_version != "v1" || reference->name.empty()) {
    why = "node requested token not bound to a pod";
  } else if (reference->uid.empty()) {
    why = "node requested token with a pod binding without a uid";
  } else {
    api::ObjectPtr pod = lookup.Get("pods", question.namespace_, reference->name);
    if (!pod) {
      ErrorDetails details{.kind = "pods", .name = reference->name};
      return Fail(Error::NotFound("pods \"{}\" not found", reference->name).WithDetails(std::move(details)));
    }
    why = BindingRefusal(*reference, *pod, question.node);
    if (why.empty()) {
      why = AudienceRefusal(authorizer, question, pod->As<api::core::Pod>().spec, request.spec.audiences);
    }
  }
  if (why.empty()) return {};
  ErrorDetails details{.kind = "serviceaccounts", .name = std::string(question.account)};
  return Fail(
      Error::Forbidden("serviceaccounts \"{}\" is forbidden: {}", question.account, why).WithDetails(std::move(details)));
}

}  // namespace sampan::apiserver::auth
