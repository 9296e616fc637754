// YAML text as JSON values, read the way Kubernetes' tools read it: scalars resolve by YAML 1.1 (yes/no/on/off are
// booleans, 0o17 and 017 octal, ~ null), map keys become strings, and a document must be a tree of JSON types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/json.h"

namespace sampan::yaml {

struct ParseOptions {
  size_t max_depth = 500;
  size_t max_bytes = 3 * 1024 * 1024;
  // Upper bound of the values that a document expands to, aliases counted each time they are used. It stops a few
  // hundred bytes of nested aliases from filling the memory.
  size_t max_values = 1'000'000;
  // Filled with the path of each duplicated key ("spec.replicas") when not null and the last value wins; without it a
  // duplicate key is an error.
  std::vector<std::string>* duplicates = nullptr;
};

// The one document of `text` (empty text is null). A second document is ignored, as Kubernetes' API does.
// BadRequest with the line for malformed text, unknown aliases, duplicate keys, non-finite numbers, too deep nesting or
// too much expansion; RequestEntityTooLarge for too long text. Thread-safe.
Result<json::Value> Parse(std::string_view text, const ParseOptions& options = {});

// Every document of a stream separated by `---`, empty ones left out. The limits hold for the whole stream.
Result<std::vector<json::Value>> ParseAll(std::string_view text, const ParseOptions& options = {});

// Block style with keys sorted, as `kubectl get -o yaml` prints: two spaces of indentation, sequences not indented
// below their key, strings quoted only when they would read as another type, multi-line strings as literal blocks.
// Parse(Serialize(v)) equals v.
std::string Serialize(const json::Value& value);

}  // namespace sampan::yaml
