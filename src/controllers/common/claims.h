// Ownership of what a selector selects: adopting matching orphans and releasing what no longer matches.
#pragma once

#include <span>
#include <vector>

#include "client/typed.h"
#include "controllers/common/objects.h"

namespace sampan::controllers {

template <class T>
struct ClaimPlan {
  std::vector<client::TypedPtr<T>> owned;    // owned already and matching
  std::vector<client::TypedPtr<T>> adopt;    // matching orphans
  std::vector<client::TypedPtr<T>> release;  // owned but no longer matching
};

// Pure. `candidates`: what the owner controls and what nobody controls in its namespace; others are ignored. An owner that
// is being deleted neither adopts nor releases; objects that are being deleted are not adopted.
template <class T>
ClaimPlan<T> PlanClaims(const api::Object& owner, const api::LabelSelector& selector,
                        std::span<const client::TypedPtr<T>> candidates) {
  ClaimPlan<T> plan;
  for (const client::TypedPtr<T>& candidate : candidates) {
    const api::OwnerRef* held_by = ControllerOf(candidate.head());
    bool matches = selector.Matches(candidate.head().labels);
    if (held_by == nullptr) {
      if (matches && !owner.deleting() && !candidate.object()->deleting()) plan.adopt.push_back(candidate);
    } else if (held_by->uid == owner.uid()) {
      if (matches) {
        plan.owned.push_back(candidate);
      } else if (!owner.deleting()) {
        plan.release.push_back(candidate);
      }
    }
  }
  return plan;
}

// Executes the plan; what the owner owns afterwards. `Owner` is the owner's type: it is looked up once more before an
// adoption, because adopting for an owner that is gone would have the adopted object collected with it.
template <class Owner, class T>
Task<Result<std::vector<client::TypedPtr<T>>>> ExecuteClaims(client::Client* client, ObjectPtr owner, ClaimPlan<T> plan) {
  std::vector<client::TypedPtr<T>> owned = std::move(plan.owned);
  if (!plan.adopt.empty()) {
    CO_TRY(auto fresh, co_await client::Get<Owner>(*client, owner->namespace_(), owner->name()));
    if (fresh.uid() != owner->uid() || fresh.object()->deleting()) co_return owned;
  }
  for (const client::TypedPtr<T>& one : plan.adopt) {
    json::Value patch = AdoptionPatch(*owner, *one.object());
    auto adopted = co_await client::MergePatch<T>(*client, one.namespace_(), one.name(), std::move(patch));
    if (adopted) owned.push_back(*adopted);
    if (!adopted && !adopted.error().Is(Reason::kNotFound)) co_return Fail(std::move(adopted).error());
  }
  for (const client::TypedPtr<T>& one : plan.release) {
    json::Value patch = ReleasePatch(*owner, *one.object());
    auto released = co_await client::MergePatch<T>(*client, one.namespace_(), one.name(), std::move(patch));
    if (!released && !released.error().Is(Reason::kNotFound)) co_return Fail(std::move(released).error());
  }
  co_return owned;
}

}  // namespace sampan::controllers
