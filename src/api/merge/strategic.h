// The strategic merge patch: a merge patch that knows from the schema which lists merge by key and which replace.
#pragma once

#include "base/error.h"
#include "codec/json.h"

namespace sampan::api {

struct Type;  // api/schema.h

// Applies `patch` to `document`, which is of `type`. Understood: null removes a field; lists with patch strategy merge
// are merged by merge key (or as a set of primitives), others replaced; the directives `$patch: replace|delete|merge`,
// `$deleteFromPrimitiveList/<list>`, `$setElementOrder/<list>` and `$retainKeys`. A part that the schema does not know
// (a free-form map, an unknown field) is merged as RFC 7386 says. The list order is that of $setElementOrder, items it
// does not name keeping their place relative to their neighbours.
// BadRequest for a malformed directive; Invalid when an element lacks its merge key. After an error the document is in
// an unspecified state.
Result<void> ApplyStrategicMergePatch(const Type& type, json::Value& document, const json::Value& patch);

}  // namespace sampan::api
