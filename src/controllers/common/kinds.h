// The kinds whose objects can be listed, watched and deleted: what namespace deletion and garbage collection work on.
#pragma once

#include <functional>
#include <vector>

#include "api/kind.h"

namespace sampan::controllers {

// Asked anew where kinds may have been added meanwhile (custom resources).
using KindSource = std::function<std::vector<const api::KindInfo*>()>;

// All built-in ones. A resource that two groups serve (events) appears once.
std::vector<const api::KindInfo*> DeletableKinds();

}  // namespace sampan::controllers
