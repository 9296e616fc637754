#include "controllers/common/objects.h"

#include "base/saturate.h"
#include "client/typed.h"

namespace sampan::controllers {

const api::OwnerRef* ControllerOf(const api::ObjectHead& head) {
  for (const api::OwnerRef& owner : head.owners) {
    if (owner.controller) return &owner;
  }
  return nullptr;
}

json::Object ControllerRef(const api::Object& owner) {
  return json::Object{{"apiVersion", owner.head().api_version},
                      {"kind", owner.head().kind},
                      {"name", owner.name()},
                      {"uid", owner.uid()},
                      {"controller", true},
                      {"blockOwnerDeletion", true}};
}

const api::core::PodCondition* FindCondition(const api::core::Pod& pod, std::string_view type) {
  for (const api::core::PodCondition& condition : pod.status.conditions) {
    if (condition.type == type) return &condition;
  }
  return nullptr;
}

bool IsReady(const api::core::Pod& pod) {
  const api::core::PodCondition* ready = FindCondition(pod, "Ready");
  return ready != nullptr && ready->status == "True";
}

bool IsAvailable(const api::core::Pod& pod, int32_t min_ready_seconds, WallTime now) {
  const api::core::PodCondition* ready = FindCondition(pod, "Ready");
  if (ready == nullptr || ready->status != "True") return false;
  if (min_ready_seconds == 0) return true;
  return ready->last_transition_time &&
         SaturatedSum(*ready->last_transition_time, std::chrono::seconds(min_ready_seconds)) <= now;
}

namespace {
bool IsFinished(const api::core::Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}
}  // namespace

bool IsActive(const PodPtr& pod) {
  return !pod.object()->deleting() && !IsFinished(*pod);
}

bool IsTerminating(const PodPtr& pod) {
  return pod.object()->deleting() && !IsFinished(*pod);
}

api::LabelSelector ControllerSelector(const api::meta::LabelSelector& selector) {
  Result<api::LabelSelector> made = api::LabelSelector::From(selector);
  return made && !made->IsEverything() ? *std::move(made) : api::LabelSelector::Nothing();
}

bool NamespaceEnds(const Error& error) {
  return error.Is(Reason::kForbidden) && error.message().find("being terminated") != std::string::npos;
}

void AddOrphanIndex(client::ObjectInformer& informer) {
  informer.cache().AddIndex(std::string(kOrphanIndex), [](const api::Object& object, std::vector<std::string>& keys) {
    if (ControllerOf(object.head()) == nullptr) keys.push_back(object.namespace_());
  });
}

Task<Result<ObjectPtr>> UpdateStatus(client::Client& client, ObjectPtr object, json::Value status) {
  json::Value body = object->Parse();
  json::Object* whole = body.if_object();
  if (whole == nullptr) co_return Fail(Error::InternalError("{} {} cannot be read", object->head().kind, object->name()));
  (*whole)["status"] = std::move(status);
  client::Ref ref = client::RefOf(*object, "status");
  co_return co_await client.Update(std::move(ref), std::move(body));
}

namespace {

json::Array OtherOwners(const api::Object& owner, const api::Object& object) {
  json::Value value = object.Parse();
  json::Array kept;
  const json::Value* owners = json::Find(value, "metadata", "ownerReferences");
  if (owners == nullptr || !owners->is_array()) return kept;
  for (const json::Value& one : owners->as_array()) {
    if (json::FindString(json::Find(one, "uid")) != owner.uid()) kept.push_back(one);
  }
  return kept;
}

json::Value OwnersPatch(json::Array owners, const api::Object& object) {
  return json::Object{{"metadata", {{"uid", object.uid()}, {"ownerReferences", std::move(owners)}}}};
}

}  // namespace

json::Value AdoptionPatch(const api::Object& owner, const api::Object& object) {
  json::Array owners = OtherOwners(owner, object);
  owners.push_back(ControllerRef(owner));
  return OwnersPatch(std::move(owners), object);
}

json::Value ReleasePatch(const api::Object& owner, const api::Object& object) {
  return OwnersPatch(OtherOwners(owner, object), object);
}

}  // namespace sampan::controllers
