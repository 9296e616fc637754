// Small facts about objects that several controllers ask for, and the JSON pieces that they write.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/meta/label_selector.h"
#include "api/types/apps.h"
#include "api/types/core.h"
#include "client/client.h"
#include "client/informer.h"
#include "client/typed_ptr.h"

namespace sampan::controllers {

using api::ObjectPtr;
using PodPtr = client::TypedPtr<api::core::Pod>;
using ReplicaSetPtr = client::TypedPtr<api::apps::ReplicaSet>;

// The controlling owner; null when there is none.
const api::OwnerRef* ControllerOf(const api::ObjectHead& head);

// metadata.ownerReferences[i] of what `owner` controls.
json::Object ControllerRef(const api::Object& owner);

bool IsReady(const api::core::Pod& pod);
// Ready for at least `min_ready_seconds`.
bool IsAvailable(const api::core::Pod& pod, int32_t min_ready_seconds, WallTime now);
// Neither finished nor being deleted.
bool IsActive(const PodPtr& pod);
// Being deleted and not finished yet.
bool IsTerminating(const PodPtr& pod);
const api::core::PodCondition* FindCondition(const api::core::Pod& pod, std::string_view type);

// The selector as it matches; one that is invalid or empty matches nothing (as controllers, unlike queries, read it).
api::LabelSelector ControllerSelector(const api::meta::LabelSelector& selector);

// The server refused a creation because the namespace is on its way out: nothing to be done about it, or to tell.
bool NamespaceEnds(const Error& error);

// Index of objects without a controlling owner, by namespace: who may be adopted.
inline constexpr std::string_view kOrphanIndex = "orphans";
void AddOrphanIndex(client::ObjectInformer& informer);

// Writes `status` into the object as it was cached; Conflict when it has changed since.
Task<Result<ObjectPtr>> UpdateStatus(client::Client& client, ObjectPtr object, json::Value status);

// Merge patches that set or drop the controlling owner; `uid` of the patched object is a precondition.
json::Value AdoptionPatch(const api::Object& owner, const api::Object& object);
json::Value ReleasePatch(const api::Object& owner, const api::Object& object);

}  // namespace sampan::controllers
