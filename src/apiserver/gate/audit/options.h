// What an audit log is made of.
#pragma once

#include <memory>

#include "apiserver/gate/audit/log.h"
#include "apiserver/gate/audit/policy.h"

namespace sampan::apiserver::audit {

// Both parts or none.
struct Options {
  std::shared_ptr<const Policy> policy;
  std::shared_ptr<Sink> sink;
};

}  // namespace sampan::apiserver::audit
