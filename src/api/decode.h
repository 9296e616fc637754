// The door through which every body enters: text or a value is checked against the kind's schema and comes out canonical.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "api/schema.h"
#include "base/error.h"
#include "codec/json.h"

namespace sampan::api {

// fieldValidation of create, update and patch.
enum class Strictness : unsigned char {
  kIgnore,  // unknown and duplicated fields are dropped silently
  kWarn,    // dropped, and reported in `warnings`
  kStrict,  // BadRequest
};

struct DecodeOptions {
  Strictness strictness = Strictness::kWarn;
  size_t max_bytes = 3 * 1024 * 1024;
  size_t max_depth = 500;
  // Filled under kWarn: `unknown field "spec.foo"`, `duplicate field "spec.replicas"`. May be null.
  std::vector<std::string>* warnings = nullptr;
  // For DecodeObject: the paths that the reader of the text found twice. May be null.
  const std::vector<std::string>* duplicates = nullptr;
};

// Canonical form: fields in schema order, unknown fields pruned, nulls dropped, empty optional lists and maps dropped,
// numbers in the field's type, quantities and times normalised, base64 valid. Unknown keys stay where the type preserves
// them.
//
// BadRequest in kube-apiserver's words: `Deployment in version "v1" cannot be handled as a Deployment: json: cannot
// unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`. RequestEntityTooLarge beyond
// max_bytes. apiVersion and kind may be absent and are filled in; others than the kind's are refused.
Result<json::Value> DecodeBody(const KindInfo& kind, std::string_view text, const DecodeOptions& options);

// The same for a value that is there already, such as a patched object.
Result<json::Value> DecodeObject(const KindInfo& kind, json::Value value, const DecodeOptions& options);

// What messages show of a body that is no object: its beginning, in hexadecimal unless it looks like JSON.
std::string Excerpt(std::string_view body);

// Conversion alone, for any type and without the envelope: messages are bare ("json: cannot unmarshal ..."), unknown
// fields are reported as paths in `unknown` when it is not null.
Result<json::Value> Canonicalize(const Type& type, json::Value value, std::vector<std::string>* unknown);

}  // namespace sampan::api
