#include "apiserver/http/virtual_kinds.h"

#include "apiserver/registry/fields.h"

namespace sampan::apiserver {
namespace {

Task<Result<json::Value>> AskReviews(const auth::Reviews* reviews, std::string_view kind, VirtualCall call,
                                     json::Value body) {
  auto answer = reviews->Create(kind, {call.user, std::move(call.namespace_), std::move(call.name), std::move(body)});
  if (answer) MetadataOf(*answer);  // every object of the API has one, be it empty
  co_return answer;
}

}  // namespace

void ServeReviews(HttpContext& context, const auth::Reviews& reviews) {
  context.reviews = &reviews;
  for (std::string_view kind : auth::Reviews::Kinds()) {
    context.core.virtual_kinds[std::string(kind)] = [reviews = &reviews, kind](VirtualCall call, json::Value body) {
      return AskReviews(reviews, kind, std::move(call), std::move(body));
    };
  }
}

}  // namespace sampan::apiserver
