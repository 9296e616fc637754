#include "client/fake.h"

#include <mutex>

#include "api/merge/strategic.h"
#include "api/meta/field_selector.h"
#include "api/meta/label_selector.h"
#include "async/channel.h"
#include "base/check.h"
#include "codec/patch.h"

namespace sampan::client {
namespace {

constexpr size_t kWatchCapacity = 1 << 20;

// group, resource, namespace, name
using Key = std::tuple<std::string, std::string, std::string, std::string>;

Key KeyFor(const Ref& ref) {
  return {ref.kind->group, ref.kind->resource, ref.kind->namespaced() ? ref.namespace_ : "", ref.name};
}

std::string Qualified(const api::KindInfo& kind) {
  return kind.group.empty() ? kind.resource : kind.resource + "." + kind.group;
}

Error NotFound(const Ref& ref) {
  return Error::NotFound("{} \"{}\" not found", Qualified(*ref.kind), ref.name)
      .WithDetails({.group = ref.kind->group, .kind = ref.kind->resource, .name = ref.name});
}

Error Modified(const Ref& ref) {
  return Error::Conflict(
      "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your changes to the latest "
      "version and try again",
      Qualified(*ref.kind), ref.name);
}

// Which objects a list or watch is about.
struct Filter {
  std::string group, resource, namespace_;
  api::LabelSelector labels;
  api::FieldSelector fields;
  const api::KindInfo* kind = nullptr;

  bool Matches(const Key& key, const ObjectPtr& object) const {
    if (object == nullptr || std::get<0>(key) != group || std::get<1>(key) != resource) return false;
    if (!namespace_.empty() && std::get<2>(key) != namespace_) return false;
    return labels.Matches(object->head().labels) && fields.Matches(*kind, *object);
  }
};

Result<Filter> MakeFilter(const Ref& ref, std::string_view labels, std::string_view fields) {
  Filter filter{ref.kind->group, ref.kind->resource, ref.namespace_, {}, {}, ref.kind};
  TRY(filter.labels, api::LabelSelector::Parse(labels));
  TRY(filter.fields, api::FieldSelector::Parse(fields));
  TRY_VOID(filter.fields.CheckSupported(*ref.kind));
  return filter;
}

struct Change {
  Key key;
  ObjectPtr before;
  ObjectPtr after;
  api::Revision revision = 0;
};

std::optional<WatchEvent> EventFor(const Filter& filter, const Change& change) {
  bool was = filter.Matches(change.key, change.before);
  bool is = filter.Matches(change.key, change.after);
  if (!was && !is) return std::nullopt;
  if (is) return WatchEvent{was ? WatchEvent::Type::kModified : WatchEvent::Type::kAdded, change.after, change.revision};
  return WatchEvent{WatchEvent::Type::kDeleted, change.before, change.revision};
}

struct Watcher {
  explicit Watcher(Filter filter) : filter(std::move(filter)), events(kWatchCapacity) {}
  Filter filter;
  Channel<WatchEvent> events;
};

class FakeWatch final : public WatchStream {
 public:
  explicit FakeWatch(std::shared_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {}
  ~FakeWatch() override { Stop(); }
  Task<Result<std::optional<std::vector<WatchEvent>>>> Next() override {
    std::shared_ptr<Watcher> watcher = watcher_;
    std::optional<WatchEvent> event = co_await watcher->events.Pop();
    if (!event) co_return std::optional<std::vector<WatchEvent>>();
    std::vector<WatchEvent> batch;
    for (; event; event = watcher->events.TryPop()) batch.push_back(std::move(*event));
    co_return std::optional(std::move(batch));
  }
  void Stop() override { watcher_->events.Close(); }

 private:
  std::shared_ptr<Watcher> watcher_;
};

json::Object& ObjectAt(json::Object& parent, std::string_view key) {
  json::Value& value = parent[key];
  if (!value.is_object()) value = json::Object();
  return value.as_object();
}

bool HasItems(const json::Value* list) {
  return list != nullptr && list->is_array() && !list->as_array().empty();
}

bool Undeletable(const json::Value& object) {
  if (HasItems(json::Find(object, "metadata", "finalizers"))) return true;
  return json::FindString(json::Find(object, "kind")) == "Namespace" && HasItems(json::Find(object, "spec", "finalizers"));
}

void CopyMember(const json::Value& from, json::Object& to, std::string_view key) {
  const json::Value* value = json::Find(from, key);
  if (value == nullptr) {
    to.erase(key);
  } else {
    to[key] = *value;
  }
}

bool HasSubresource(const api::KindInfo& kind, std::string_view name) {
  for (const auto& subresource : kind.subresources) {
    if (subresource.name == name) return true;
  }
  return false;
}

}  // namespace

struct FakeClient::State {
  Clock& clock;
  Rng& rng;
  mutable std::mutex mutex;
  api::Revision revision = 1;
  api::Revision floor = 0;  // history up to here is forgotten
  int64_t writes = 0;
  std::map<Key, ObjectPtr> objects;
  std::vector<Change> history;
  std::vector<std::weak_ptr<Watcher>> watchers;
  Fault fault;

  std::optional<Error> Fails(std::string_view verb, const Ref& ref) {
    Fault asked;
    {
      std::lock_guard lock(mutex);
      asked = fault;
    }
    return asked ? asked(verb, ref) : std::nullopt;
  }

  // All below: with the mutex held.
  ObjectPtr Find(const Ref& ref) const {
    auto found = objects.find(KeyFor(ref));
    return found == objects.end() ? nullptr : found->second;
  }

  void Announce(Change change) {
    std::erase_if(watchers, [](const auto& watcher) { return watcher.expired(); });
    for (const auto& weak : watchers) {
      std::shared_ptr<Watcher> watcher = weak.lock();
      if (watcher == nullptr) continue;
      if (std::optional<WatchEvent> event = EventFor(watcher->filter, change)) watcher->events.TryPush(std::move(*event));
    }
    history.push_back(std::move(change));
    ++writes;
  }

  ObjectPtr Store(const Key& key, json::Value value) {
    Result<ObjectPtr> object = api::Object::FromValue(std::move(value), ++revision);
    CHECK(object.has_value());
    ObjectPtr& slot = objects[key];
    Change change{key, slot, *object, revision};
    slot = *object;
    Announce(std::move(change));
    return *object;
  }

  void Erase(const Key& key) {
    auto found = objects.find(key);
    ++revision;
    json::Value last = found->second->Parse();
    Result<ObjectPtr> object = api::Object::FromValue(std::move(last), revision);
    CHECK(object.has_value());
    objects.erase(found);
    Announce({key, *object, nullptr, revision});
  }

  Result<ObjectPtr> Create(const Ref& ref, json::Value body);
  Result<ObjectPtr> CreateSubresource(const Ref& ref, const json::Value& body);
  Result<ObjectPtr> Update(const Ref& ref, json::Value body);
  Result<void> Delete(const Ref& ref, const DeleteOptions& options);
  bool DeletesGracefully(const Ref& ref, json::Value& value, const DeleteOptions& options) const;
};

Result<ObjectPtr> FakeClient::State::Create(const Ref& ref, json::Value body) {
  if (!ref.subresource.empty()) return CreateSubresource(ref, body);
  json::Object& object = body.as_object();
  json::Object& metadata = ObjectAt(object, "metadata");
  object["apiVersion"] = ref.kind->ApiVersion();
  object["kind"] = ref.kind->kind;
  Ref named = ref;
  named.name = json::FindString(metadata.if_contains("name"));
  if (named.name.empty()) {
    std::string prefix(json::FindString(metadata.if_contains("generateName")));
    if (prefix.empty()) return Fail(Error::Invalid("metadata.name: Required value: name or generateName is required"));
    named.name = prefix + rng.NameSuffix(5);
    metadata["name"] = named.name;
  }
  if (ref.kind->namespaced()) {
    if (named.namespace_.empty()) named.namespace_ = json::FindString(metadata.if_contains("namespace"));
    if (named.namespace_.empty()) return Fail(Error::BadRequest("an empty namespace may not be set during creation"));
    metadata["namespace"] = named.namespace_;
  }
  if (Find(named) != nullptr) {
    return Fail(Error::AlreadyExists("{} \"{}\" already exists", Qualified(*ref.kind), named.name));
  }
  metadata["uid"] = rng.Uuid();
  metadata["creationTimestamp"] = FormatTime(clock.Now());
  if (object.contains("spec")) metadata["generation"] = 1;
  if (ref.kind->kind == "Pod" && !object.contains("status")) object["status"] = {{"phase", "Pending"}};
  return Store(KeyFor(named), std::move(body));
}

Result<ObjectPtr> FakeClient::State::CreateSubresource(const Ref& ref, const json::Value& body) {
  ObjectPtr current = Find(ref);
  if (current == nullptr) return Fail(NotFound(ref));
  if (ref.subresource == "eviction") {
    TRY_VOID(Delete(ref, {}));
    return current;
  }
  if (ref.subresource == "token") {
    json::Value answer = body;
    ObjectAt(answer.as_object(), "status") = {{"token", "fake-token"},
                                              {"expirationTimestamp", FormatTime(clock.Now() + std::chrono::hours(1))}};
    return api::Object::FromValue(std::move(answer), 0);
  }
  if (ref.subresource != "binding") return Fail(Error::MethodNotAllowed("no subresource {}", ref.subresource));
  json::Value pod = current->Parse();
  json::Object& spec = ObjectAt(pod.as_object(), "spec");
  if (!json::FindString(spec.if_contains("nodeName")).empty()) {
    return Fail(Error::Conflict("pod {} is already assigned to node \"{}\"", ref.name, json::FindString(&spec["nodeName"])));
  }
  spec["nodeName"] = json::FindString(json::Find(body, "target", "name"));
  ObjectAt(pod.as_object(), "status")["conditions"] =
      json::Array{json::Object{{"type", "PodScheduled"}, {"status", "True"}}};
  return Store(KeyFor(ref), std::move(pod));
}

Result<ObjectPtr> FakeClient::State::Update(const Ref& ref, json::Value body) {
  ObjectPtr current = Find(ref);
  if (current == nullptr) return Fail(NotFound(ref));
  std::string_view version = json::FindString(json::Find(body, "metadata", "resourceVersion"));
  std::string_view uid = json::FindString(json::Find(body, "metadata", "uid"));
  if ((!version.empty() && version != std::to_string(current->revision())) || (!uid.empty() && uid != current->uid())) {
    return Fail(Modified(ref));
  }
  json::Value old = current->Parse();
  json::Value next;
  if (ref.subresource == "status") {
    next = old;
    CopyMember(body, next.as_object(), "status");
  } else if (ref.subresource == "scale" || ref.subresource == "finalize") {
    std::string_view field = ref.subresource == "scale" ? "replicas" : "finalizers";
    next = old;
    const json::Value* spec = json::Find(body, "spec");
    if (spec == nullptr) return Fail(Error::BadRequest("no spec"));
    CopyMember(*spec, ObjectAt(next.as_object(), "spec"), field);
  } else {
    next = std::move(body);
    if (HasSubresource(*ref.kind, "status")) CopyMember(old, next.as_object(), "status");
    json::Object& metadata = ObjectAt(next.as_object(), "metadata");
    for (std::string_view kept : {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
                                  "deletionGracePeriodSeconds", "generation", "resourceVersion"}) {
      CopyMember(*json::Find(old, "metadata"), metadata, kept);
    }
    next.as_object()["apiVersion"] = ref.kind->ApiVersion();
    next.as_object()["kind"] = ref.kind->kind;
  }
  if (json::Equal(old, next)) return current;
  const json::Value* old_spec = json::Find(old, "spec");
  const json::Value* new_spec = json::Find(next, "spec");
  if (old_spec != nullptr && new_spec != nullptr && !json::Equal(*old_spec, *new_spec)) {
    json::Object& metadata = ObjectAt(next.as_object(), "metadata");
    const json::Value* generation = metadata.if_contains("generation");
    metadata["generation"] = generation != nullptr && generation->is_int64() ? generation->as_int64() + 1 : 2;
  }
  bool gone =
      current->deleting() && !Undeletable(next) && json::Find(next, "metadata", "deletionGracePeriodSeconds") == nullptr;
  ObjectPtr stored = Store(KeyFor(ref), std::move(next));
  if (gone) Erase(KeyFor(ref));
  return stored;
}

// Sets grace on a pod that its node must end first; false when the pod can go at once.
bool FakeClient::State::DeletesGracefully(const Ref& ref, json::Value& value, const DeleteOptions& options) const {
  if (ref.kind->kind != "Pod" || json::FindString(json::Find(value, "spec", "nodeName")).empty()) return false;
  std::string_view phase = json::FindString(json::Find(value, "status", "phase"));
  if (phase == "Succeeded" || phase == "Failed") return false;
  int64_t grace = 30;
  const json::Value* own = json::Find(value, "spec", "terminationGracePeriodSeconds");
  if (own != nullptr && own->is_int64()) grace = own->as_int64();
  if (options.grace_period_seconds) grace = *options.grace_period_seconds;
  if (grace <= 0) return false;
  value.as_object()["metadata"].as_object()["deletionGracePeriodSeconds"] = grace;
  return true;
}

Result<void> FakeClient::State::Delete(const Ref& ref, const DeleteOptions& options) {
  ObjectPtr current = Find(ref);
  if (current == nullptr) return Fail(NotFound(ref));
  if ((!options.uid_precondition.empty() && options.uid_precondition != current->uid()) ||
      (!options.resource_version_precondition.empty() &&
       options.resource_version_precondition != std::to_string(current->revision()))) {
    return Fail(Error::Conflict("Precondition failed: UID in precondition: {}, UID in object meta: {}",
                                options.uid_precondition, current->uid()));
  }
  json::Value value = current->Parse();
  json::Object& metadata = value.as_object()["metadata"].as_object();
  std::string_view finalizer = options.propagation_policy == "Foreground" ? "foregroundDeletion"
                               : options.propagation_policy == "Orphan"   ? "orphan"
                                                                          : "";
  if (!finalizer.empty()) {
    json::Value& finalizers = metadata["finalizers"];
    if (!finalizers.is_array()) finalizers = json::Array();
    bool there = std::ranges::any_of(finalizers.as_array(),
                                     [&](const json::Value& one) { return json::FindString(&one) == finalizer; });
    if (!there) finalizers.as_array().emplace_back(finalizer);
  }
  bool graceful = DeletesGracefully(ref, value, options);
  if (!graceful && !Undeletable(value)) {
    Erase(KeyFor(ref));
    return {};
  }
  if (!graceful) metadata.erase("deletionGracePeriodSeconds");
  if (!current->deleting()) metadata["deletionTimestamp"] = FormatTime(clock.Now());
  if (ref.kind->kind == "Namespace") ObjectAt(value.as_object(), "status")["phase"] = "Terminating";
  if (!json::Equal(value, current->Parse())) Store(KeyFor(ref), std::move(value));
  return {};
}

FakeClient::FakeClient(Clock& clock, Rng& rng) : state_(new State{clock, rng}) {}
FakeClient::~FakeClient() {
  DropWatches();
}

Task<Result<ObjectPtr>> FakeClient::Get(Ref ref) {
  co_await Yield();
  if (auto error = state_->Fails("get", ref)) co_return Fail(*error);
  std::lock_guard lock(state_->mutex);
  ObjectPtr object = state_->Find(ref);
  if (object == nullptr) co_return Fail(NotFound(ref));
  co_return object;
}

Task<Result<ListResult>> FakeClient::List(Ref ref, ListOptions options) {
  co_await Yield();
  if (auto error = state_->Fails("list", ref)) co_return Fail(*error);
  CO_TRY(Filter filter, MakeFilter(ref, options.label_selector, options.field_selector));
  ListResult list;
  std::lock_guard lock(state_->mutex);
  for (const auto& [key, object] : state_->objects) {
    if (filter.Matches(key, object)) list.items.push_back(object);
  }
  list.revision = state_->revision;
  co_return list;
}

Task<Result<std::unique_ptr<WatchStream>>> FakeClient::Watch(Ref ref, WatchOptions options) {
  co_await Yield();
  if (auto error = state_->Fails("watch", ref)) co_return Fail(*error);
  CO_TRY(Filter filter, MakeFilter(ref, options.label_selector, options.field_selector));
  auto watcher = std::make_shared<Watcher>(std::move(filter));
  std::lock_guard lock(state_->mutex);
  if (options.from < state_->floor) co_return Fail(Error::Expired("too old resource version: {}", options.from));
  for (const Change& change : state_->history) {
    if (change.revision <= options.from) continue;
    if (std::optional<WatchEvent> event = EventFor(watcher->filter, change)) watcher->events.TryPush(std::move(*event));
  }
  state_->watchers.push_back(watcher);
  co_return std::make_unique<FakeWatch>(std::move(watcher));
}

Task<Result<ObjectPtr>> FakeClient::Create(Ref ref, json::Value body) {
  co_await Yield();
  if (auto error = state_->Fails("create", ref)) co_return Fail(*error);
  std::lock_guard lock(state_->mutex);
  co_return state_->Create(ref, std::move(body));
}

Task<Result<ObjectPtr>> FakeClient::Update(Ref ref, json::Value body) {
  co_await Yield();
  if (auto error = state_->Fails("update", ref)) co_return Fail(*error);
  std::lock_guard lock(state_->mutex);
  co_return state_->Update(ref, std::move(body));
}

Task<Result<ObjectPtr>> FakeClient::Patch(Ref ref, json::Value patch, PatchOptions options) {
  co_await Yield();
  if (auto error = state_->Fails("patch", ref)) co_return Fail(*error);
  std::lock_guard lock(state_->mutex);
  ObjectPtr current = state_->Find(ref);
  if (current == nullptr && options.type == PatchType::kApply) {
    json::Value body = std::move(patch);
    ObjectAt(body.as_object(), "metadata")["name"] = ref.name;
    co_return state_->Create(ref, std::move(body));
  }
  if (current == nullptr) co_return Fail(NotFound(ref));
  json::Value value = current->Parse();
  if (options.type == PatchType::kJson) {
    CO_TRY_VOID(json::ApplyJsonPatch(value, patch));
  } else if (options.type == PatchType::kStrategic && ref.kind->type != nullptr) {
    CO_TRY_VOID(api::ApplyStrategicMergePatch(*ref.kind->type, value, patch));
  } else {
    json::ApplyMergePatch(value, patch);
  }
  co_return state_->Update(ref, std::move(value));
}

Task<Result<void>> FakeClient::Delete(Ref ref, DeleteOptions options) {
  co_await Yield();
  if (auto error = state_->Fails("delete", ref)) co_return Fail(*error);
  std::lock_guard lock(state_->mutex);
  co_return state_->Delete(ref, options);
}

ObjectPtr FakeClient::Put(std::string_view json_text) {
  Result<json::Value> value = json::Parse(json_text);
  CHECK(value.has_value());
  return PutValue(*std::move(value));
}

ObjectPtr FakeClient::PutValue(json::Value object) {
  Ref ref;
  ref.kind = api::FindKind(json::FindString(json::Find(object, "apiVersion")), json::FindString(json::Find(object, "kind")));
  CHECK(ref.kind != nullptr);
  ref.namespace_ = json::FindString(json::Find(object, "metadata", "namespace"));
  ref.name = json::FindString(json::Find(object, "metadata", "name"));
  std::lock_guard lock(state_->mutex);
  ObjectPtr current = state_->Find(ref);
  if (current == nullptr) {
    Result<ObjectPtr> created = state_->Create(ref, std::move(object));
    CHECK(created.has_value());
    return *created;
  }
  json::Object& metadata = ObjectAt(object.as_object(), "metadata");
  metadata["uid"] = current->uid();
  metadata["creationTimestamp"] = current->head().creation_timestamp;
  metadata["generation"] = current->head().generation + 1;
  return state_->Store(KeyFor(ref), std::move(object));
}

void FakeClient::Remove(const Ref& ref) {
  std::lock_guard lock(state_->mutex);
  CHECK(state_->Find(ref) != nullptr);
  state_->Erase(KeyFor(ref));
}

ObjectPtr FakeClient::Peek(const Ref& ref) const {
  std::lock_guard lock(state_->mutex);
  return state_->Find(ref);
}

std::vector<ObjectPtr> FakeClient::All(const api::KindInfo& kind, std::string_view namespace_) const {
  std::vector<ObjectPtr> found;
  std::lock_guard lock(state_->mutex);
  for (const auto& [key, object] : state_->objects) {
    if (std::get<0>(key) != kind.group || std::get<1>(key) != kind.resource) continue;
    if (namespace_.empty() || std::get<2>(key) == namespace_) found.push_back(object);
  }
  return found;
}

void FakeClient::SetFault(Fault fault) {
  std::lock_guard lock(state_->mutex);
  state_->fault = std::move(fault);
}

void FakeClient::DropWatches() {
  std::vector<std::weak_ptr<Watcher>> dropped;
  {
    std::lock_guard lock(state_->mutex);
    dropped.swap(state_->watchers);
    state_->history.clear();
    state_->floor = ++state_->revision;
  }
  for (const auto& weak : dropped) {
    if (std::shared_ptr<Watcher> watcher = weak.lock()) watcher->events.Close();
  }
}

api::Revision FakeClient::revision() const {
  std::lock_guard lock(state_->mutex);
  return state_->revision;
}

int64_t FakeClient::writes() const {
  std::lock_guard lock(state_->mutex);
  return state_->writes;
}

}  // namespace sampan::client
