// The discovery documents: what groups, versions and resources are served. Pure functions of the served kinds.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/kind.h"

namespace sampan::apiserver {

using Kinds = std::span<const api::KindInfo* const>;

// /api
std::string ApiVersionsDocument(std::string_view server_address);
// /apis and /apis/<group>; the latter empty when the group is not served.
std::string ApiGroupListDocument(Kinds kinds);
std::string ApiGroupDocument(Kinds kinds, std::string_view group);
// /api/v1 and /apis/<group>/<version>; empty when not served.
std::string ApiResourceListDocument(Kinds kinds, std::string_view group, std::string_view version);
// APIGroupDiscoveryList of `version` "v2" or "v2beta1": the core group for /api, all others for /apis.
enum class DiscoveryRoot : bool { kApi, kApis };
std::string AggregatedDocument(Kinds kinds, DiscoveryRoot root, std::string_view version);

// A strong entity tag of a document's bytes, quoted.
std::string EntityTag(std::string_view document);

}  // namespace sampan::apiserver
