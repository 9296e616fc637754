// From the text of a policy to its rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/gate/audit/policy.h"

namespace sampan::apiserver::audit {

struct PolicyDocument {
  std::vector<Rule> rules;
  Stages omitted;
  bool omit_managed_fields = false;
};

// BadRequest with every fault, as one line. Pure.
Result<PolicyDocument> ReadPolicy(std::string_view text);
// The file's text; a policy is no larger than a megabyte.
Result<std::string> ReadPolicyFile(const std::string& path);

}  // namespace sampan::apiserver::audit
