// What a YAML scalar means. Internal to codec/yaml.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "codec/json.h"

namespace sampan::yaml {

// By the rules of YAML 1.1 as Kubernetes' tools apply them. `tag` is "?" for a plain scalar, "!" for a quoted one, else the
// tag written. Fails for numbers that JSON cannot hold and for text that does not fit its tag.
Result<json::Value> ResolveScalar(std::string_view tag, std::string_view text);

}  // namespace sampan::yaml
