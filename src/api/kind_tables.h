// The generated rows behind api/kind.h; only kind.cc uses them.
#pragma once

#include <vector>

#include "api/kind.h"

namespace sampan::api {

std::vector<KindInfo> ServedKindTable();
std::vector<KindInfo> BodyKindTable();  // kinds without a resource of their own: Scale, Eviction, DeleteOptions

}  // namespace sampan::api
