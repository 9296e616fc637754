#include "controllers/garbagecollector/garbagecollector.h"

#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "client/typed.h"
#include "controllers/common/objects.h"
#include "controllers/garbagecollector/plan.h"

namespace sampan::controllers {
namespace {

using garbagecollector::Action;
using garbagecollector::HasFinalizer;
using garbagecollector::kForeground;
using garbagecollector::kOrphan;
using garbagecollector::ObjectFacts;
using garbagecollector::OwnerState;
using garbagecollector::ReleasesDependents;
using garbagecollector::WaitsForDependents;

// By the uid of every owner, controlling or not.
constexpr std::string_view kOwnersIndex = "owners";
// Uids known to be gone; forgotten all at once when there are too many: they only save look-ups.
constexpr size_t kRememberedGone = 20'000;

std::string_view GroupOf(std::string_view api_version) {
  size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
}

const api::OwnerRef* FindOwner(const api::ObjectHead& head, std::string_view uid) {
  for (const api::OwnerRef& owner : head.owners) {
    if (owner.uid == uid) return &owner;
  }
  return nullptr;
}

class GarbageCollector final : public KeyedController {
 public:
  GarbageCollector(World world, KindSource kinds)
      : KeyedController(
            world,
            {.name = "garbage-collector-controller", .event_component = "garbage-collector-controller", .workers = 20}),
        kinds_(std::move(kinds)) {}

 private:
  struct Source {
    const api::KindInfo* kind;
    client::ObjectInformer* informer;
  };

  // Keys are "<index of the source> <namespace/name>".
  static std::string KeyFor(size_t source, const api::Object& object) {
    return fmt::format("{} {}", source, client::KeyOf(object));
  }

  void Subscribe() override {
    for (const api::KindInfo* kind : kinds_()) {
      // Events are many, own nothing and expire by themselves.
      if (kind->kind == "Event") continue;
      client::ObjectInformer& informer = SourceOf(*kind);
      informer.cache().AddIndex(std::string(kOwnersIndex), [](const api::Object& object, std::vector<std::string>& keys) {
        for (const api::OwnerRef& owner : object.head().owners) keys.push_back(owner.uid);
      });
      sources_.push_back({kind, &informer});
    }
    for (size_t i = 0; i < sources_.size(); ++i) {
      Listen(*sources_[i].informer,
             {.added = [this, i](const ObjectPtr& object) { Added(i, *object); },
              .updated = [this, i](const ObjectPtr& before, const ObjectPtr& after) { Updated(i, *before, *after); },
              .deleted = [this, i](const ObjectPtr& last) { Deleted(*last); }});
    }
  }

  void Added(size_t source, const api::Object& object) {
    bool due = WaitsForDependents(object) || ReleasesDependents(object);
    // An owner that no cache holds may have gone before, or its event is still on its way: Sync finds out.
    for (const api::OwnerRef& owner : object.head().owners) due = due || CachedOwner(object, owner) == nullptr;
    if (due) Queue(KeyFor(source, object));
    if (WaitsForDependents(object)) QueueDependents(object.uid());
  }

  void Updated(size_t source, const api::Object& before, const api::Object& after) {
    if (before.head().owners.empty() && after.head().owners.empty() && !after.deleting()) return;
    bool waits = WaitsForDependents(after);
    if ((waits && !WaitsForDependents(before)) || (ReleasesDependents(after) && !ReleasesDependents(before))) {
      Queue(KeyFor(source, after));
      if (waits) QueueDependents(after.uid());
    }
    // An owner that waits looks again when it loses a dependent, or when one stops blocking it.
    OwnersByUid had = ByUid(before.head()), has = ByUid(after.head());
    for (const api::OwnerRef& owner : before.head().owners) {
      auto still = has.find(owner.uid);
      bool freed = still == has.end() || (owner.block_owner_deletion && !still->second->block_owner_deletion);
      if (freed) QueueWaitingOwner(after, owner);
    }
    for (const api::OwnerRef& owner : after.head().owners) {
      if (!had.contains(owner.uid) && CachedOwner(after, owner) == nullptr) Queue(KeyFor(source, after));
    }
  }

  // Users may name thousands of owners, so they are not searched one by one.
  using OwnersByUid = std::unordered_map<std::string_view, const api::OwnerRef*>;
  static OwnersByUid ByUid(const api::ObjectHead& head) {
    OwnersByUid owners;
    for (const api::OwnerRef& owner : head.owners) owners.emplace(owner.uid, &owner);
    return owners;
  }

  void Deleted(const api::Object& last) {
    if (gone_.size() >= kRememberedGone) gone_.clear();
    if (QueueDependents(last.uid())) gone_.insert(last.uid());
    for (const api::OwnerRef& owner : last.head().owners) QueueWaitingOwner(last, owner);
  }

  // Dependents of one kind follow another in the list of sources.
  template <class Visit>
  void EachDependent(std::string_view uid, Visit visit) const {
    for (size_t i = 0; i < sources_.size(); ++i) {
      for (const ObjectPtr& dependent : sources_[i].informer->cache().ByIndex(kOwnersIndex, uid)) visit(i, dependent);
    }
  }

  // False when there are none.
  bool QueueDependents(std::string_view uid) {
    bool any = false;
    EachDependent(uid, [this, &any](size_t source, const ObjectPtr& dependent) {
      any = true;
      if (!dependent->deleting()) Queue(KeyFor(source, *dependent));
    });
    return any;
  }

  void QueueWaitingOwner(const api::Object& dependent, const api::OwnerRef& ref) {
    ObjectPtr owner = CachedOwner(dependent, ref);
    std::optional<size_t> source = SourceFor(ref);
    if (owner != nullptr && source && WaitsForDependents(*owner)) Queue(KeyFor(*source, *owner));
  }

  // The source of the owner's kind, whatever version the reference names.
  std::optional<size_t> SourceFor(const api::OwnerRef& ref) const {
    std::string_view group = GroupOf(ref.api_version);
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].kind->kind == ref.kind && sources_[i].kind->group == group) return i;
    }
    return std::nullopt;
  }

  static std::string OwnerNamespace(const api::KindInfo& owner_kind, const api::Object& dependent) {
    return owner_kind.namespaced() ? dependent.namespace_() : std::string();
  }

  // The owner as cached; null when it is not, or when another object has its name.
  ObjectPtr CachedOwner(const api::Object& dependent, const api::OwnerRef& ref) const {
    std::optional<size_t> source = SourceFor(ref);
    if (!source) return nullptr;
    const Source& found = sources_[*source];
    ObjectPtr owner = found.informer->cache().Get(OwnerNamespace(*found.kind, dependent), ref.name);
    return owner != nullptr && owner->uid() == ref.uid ? owner : nullptr;
  }

  // Owners that nobody found, by uid, and the source of their kind.
  using Missing = std::unordered_map<std::string, std::pair<size_t, api::OwnerRef>>;

  Task<Result<OwnerState>> Judge(ObjectPtr dependent, api::OwnerRef ref, Missing* missing) {
    std::optional<size_t> source = SourceFor(ref);
    // A kind that is not known may be served again tomorrow: nothing is deleted for it.
    if (!source) co_return OwnerState::kSolid;
    const api::KindInfo& kind = *sources_[*source].kind;
    // A cluster-scoped object cannot have a namespaced owner; the reference means nothing, and nothing follows from it.
    if (kind.namespaced() && dependent->namespace_().empty()) {
      TellWrongNamespace(*dependent, ref, "");
      co_return OwnerState::kSolid;
    }
    ObjectPtr owner = CachedOwner(*dependent, ref);
    if (owner == nullptr && !gone_.contains(ref.uid)) {
      Result<ObjectPtr> live = co_await world_.client.Get({&kind, OwnerNamespace(kind, *dependent), ref.name, ""});
      if (!live && !live.error().Is(Reason::kNotFound)) co_return Fail(std::move(live).error());
      if (live && (*live)->uid() == ref.uid) owner = *live;
      if (owner == nullptr && kind.namespaced()) missing->emplace(ref.uid, std::pair(*source, ref));
    }
    if (owner == nullptr) co_return OwnerState::kAbsent;
    co_return WaitsForDependents(*owner) ? OwnerState::kWaiting : OwnerState::kSolid;
  }

  // An owner must live in its dependent's namespace. One that lives in another counts as absent, and people should know why
  // their object is collected. Rare enough for a look at all objects of the kinds, once for all owners.
  void FindElsewhere(const api::Object& dependent, const Missing& missing) {
    std::set<size_t> sources;
    for (const auto& [uid, where] : missing) sources.insert(where.first);
    for (size_t source : sources) {
      for (const ObjectPtr& candidate : sources_[source].informer->cache().List()) {
        auto found = missing.find(candidate->uid());
        if (found == missing.end() || found->second.first != source) continue;
        TellWrongNamespace(dependent, found->second.second, dependent.namespace_());
      }
    }
  }

  void TellWrongNamespace(const api::Object& dependent, const api::OwnerRef& ref, std::string_view namespace_) {
    Emit(dependent, client::EventType::kWarning, "OwnerRefInvalidNamespace",
         fmt::format("ownerRef [{}/{}, namespace: {}, name: {}, uid: {}] does not exist in namespace \"{}\"",
                     ref.api_version, ref.kind, namespace_, ref.name, ref.uid, namespace_));
  }

  Task<Result<void>> Sync(std::string key) override {
    size_t space = key.find(' ');
    const Source& source = sources_[std::stoul(key.substr(0, space))];
    client::ObjectKey name = client::SplitKey(std::string_view(key).substr(space + 1));
    client::Ref ref{source.kind, name.namespace_, name.name, ""};
    // The cache may be behind; what is deleted here is deleted for good.
    Result<ObjectPtr> got = co_await world_.client.Get(ref);
    if (!got && got.error().Is(Reason::kNotFound)) co_return Result<void>();
    if (!got) co_return Fail(std::move(got).error());
    ObjectPtr object = *got;

    ObjectFacts facts;
    facts.deleting = object->deleting();
    facts.has_foreground = HasFinalizer(object->head(), kForeground);
    facts.has_orphan = HasFinalizer(object->head(), kOrphan);
    EachDependent(object->uid(), [&facts](size_t, const ObjectPtr&) { facts.has_dependents = true; });
    Missing missing;
    for (const api::OwnerRef& owner : object->head().owners) {
      CO_TRY(OwnerState state, co_await Judge(object, owner, &missing));
      facts.owners.push_back(state);
    }
    if (!missing.empty()) FindElsewhere(*object, missing);
    co_return co_await Execute(garbagecollector::PlanObject(facts), std::move(ref), std::move(object), std::move(facts));
  }

  Task<Result<void>> Execute(Action action, client::Ref ref, ObjectPtr object, ObjectFacts facts) {
    Result<void> done;
    switch (action) {
      case Action::kKeep:
        break;
      case Action::kDropOwners:
        done = co_await DropOwners(std::move(ref), std::move(object), std::move(facts));
        break;
      case Action::kDeleteBackground:
        done = co_await Delete(std::move(ref), std::move(object), "Background");
        break;
      case Action::kDeleteForeground:
        co_await Unblock(object);
        done = co_await Delete(std::move(ref), std::move(object), "Foreground");
        break;
      case Action::kDeleteOrphan:
        done = co_await Delete(std::move(ref), std::move(object), "Orphan");
        break;
      case Action::kAwaitDependents:
        done = co_await AwaitDependents(std::move(ref), std::move(object));
        break;
      case Action::kReleaseDependents:
        done = co_await ReleaseDependents(std::move(ref), std::move(object));
        break;
    }
    if (!done && done.error().Is(Reason::kNotFound)) co_return Result<void>();
    co_return done;
  }

  Task<Result<void>> Delete(client::Ref ref, ObjectPtr object, std::string policy) {
    return world_.client.Delete(std::move(ref),
                                {.propagation_policy = std::move(policy), .uid_precondition = object->uid()});
  }

  // Patches metadata of exactly this state of the object.
  Task<Result<void>> PatchMetadata(client::Ref ref, ObjectPtr object, json::Object metadata) {
    metadata["uid"] = object->uid();
    metadata["resourceVersion"] = std::to_string(object->revision());
    json::Value patch = json::Object{{"metadata", std::move(metadata)}};
    CO_TRY_VOID(co_await world_.client.Patch(std::move(ref), std::move(patch), {.type = client::PatchType::kMerge}));
    co_return Result<void>();
  }

  static json::Array OwnersOf(const api::Object& object) {
    json::Value value = object.Parse();
    const json::Value* owners = json::Find(value, "metadata", "ownerReferences");
    return owners != nullptr && owners->is_array() ? owners->as_array() : json::Array();
  }

  Task<Result<void>> DropOwners(client::Ref ref, ObjectPtr object, ObjectFacts facts) {
    std::unordered_set<std::string_view> kept;
    for (size_t i = 0; i < facts.owners.size(); ++i) {
      if (facts.owners[i] == OwnerState::kSolid) kept.insert(object->head().owners[i].uid);
    }
    json::Array owners;
    for (json::Value& owner : OwnersOf(*object)) {
      if (kept.contains(json::FindString(json::Find(owner, "uid")))) owners.push_back(std::move(owner));
    }
    json::Object metadata{{"ownerReferences", std::move(owners)}};
    return PatchMetadata(std::move(ref), std::move(object), std::move(metadata));
  }

  // Two objects that own each other and are both deleted in the foreground would wait for one another for ever: when a
  // dependent waits already, this object stops blocking.
  Task<void> Unblock(ObjectPtr object) {
    bool circle = false;
    EachDependent(object->uid(), [&circle](size_t, const ObjectPtr& one) { circle = circle || WaitsForDependents(*one); });
    if (!circle) co_return;
    json::Array owners = OwnersOf(*object);
    for (json::Value& owner : owners) {
      if (json::Object* fields = owner.if_object()) (*fields)["blockOwnerDeletion"] = false;
    }
    json::Object metadata{{"ownerReferences", std::move(owners)}};
    // Deleting goes on when it fails: then the circle is met again.
    Result<void> patched = co_await PatchMetadata(client::RefOf(*object), object, std::move(metadata));
    if (!patched) LOG_DEBUG("garbage-collector", "{}: {}", object->name(), patched.error());
  }

  Task<Result<void>> AwaitDependents(client::Ref ref, ObjectPtr object) {
    bool blocked = false;
    EachDependent(object->uid(), [&blocked, &object](size_t, const ObjectPtr& dependent) {
      const api::OwnerRef* owner = FindOwner(dependent->head(), object->uid());
      blocked = blocked || (owner != nullptr && owner->block_owner_deletion);
    });
    if (!blocked) co_return co_await DropFinalizer(std::move(ref), std::move(object), kForeground);
    QueueDependents(object->uid());
    co_return Result<void>();
  }

  Task<Result<void>> ReleaseDependents(client::Ref ref, ObjectPtr object) {
    std::vector<std::pair<size_t, ObjectPtr>> dependents;
    EachDependent(object->uid(),
                  [&dependents](size_t source, const ObjectPtr& one) { dependents.emplace_back(source, one); });
    for (const auto& [source, dependent] : dependents) {
      client::Ref at{sources_[source].kind, dependent->namespace_(), dependent->name(), ""};
      json::Array owners;
      for (json::Value& owner : OwnersOf(*dependent)) {
        if (json::FindString(json::Find(owner, "uid")) != object->uid()) owners.push_back(std::move(owner));
      }
      json::Object metadata{{"ownerReferences", std::move(owners)}};
      Result<void> released = co_await PatchMetadata(std::move(at), dependent, std::move(metadata));
      if (!released && !released.error().Is(Reason::kNotFound)) co_return released;
    }
    co_return co_await DropFinalizer(std::move(ref), std::move(object), kOrphan);
  }

  Task<Result<void>> DropFinalizer(client::Ref ref, ObjectPtr object, std::string_view name) {
    json::Array kept;
    for (const std::string& finalizer : object->head().finalizers) {
      if (finalizer != name) kept.emplace_back(finalizer);
    }
    json::Object metadata{{"finalizers", std::move(kept)}};
    return PatchMetadata(std::move(ref), std::move(object), std::move(metadata));
  }

  const KindSource kinds_;
  std::vector<Source> sources_;
  std::unordered_set<std::string> gone_;
};

}  // namespace

std::unique_ptr<Controller> NewGarbageCollector(World world, KindSource kinds) {
  return std::make_unique<GarbageCollector>(world, std::move(kinds));
}

}  // namespace sampan::controllers
