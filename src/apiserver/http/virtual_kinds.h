// The kinds that are answered and not stored, connected to who answers them.
#pragma once

#include "apiserver/auth/reviews.h"
#include "apiserver/http/context.h"

namespace sampan::apiserver {

// Before the first request; `reviews` outlives the context.
void ServeReviews(HttpContext& context, const auth::Reviews& reviews);

}  // namespace sampan::apiserver
