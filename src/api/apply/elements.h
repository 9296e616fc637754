// How the schema cuts a value into owned parts. Internal to api/apply.
#pragma once

#include <string>
#include <string_view>

#include "api/schema.h"
#include "codec/json.h"

namespace sampan::api {

// True for what has one owner as a whole: scalars, atomic lists and maps, free-form values.
bool IsLeaf(const Type& type, const json::Value& value);

// The type of a member; null for one that the schema does not know.
const Type* MemberType(const Type& type, std::string_view key);

// Appends `k:{...}` or `v:...`, which identifies an element of a list of type set or map. A key that the element leaves
// out has its default.
void AppendElementKey(const Type& list, const json::Value& element, std::string& out);
std::string ElementKey(const Type& list, const json::Value& element);

}  // namespace sampan::api
