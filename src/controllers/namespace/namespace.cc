#include "controllers/namespace/namespace.h"

#include "async/spawn.h"
#include "client/typed.h"
#include "controllers/common/objects.h"
#include "controllers/namespace/plan.h"

namespace sampan::controllers {
namespace {

using api::core::Namespace;
using namespaces::Remaining;
using NamespacePtr = client::TypedPtr<Namespace>;

constexpr std::string_view kFinalizer = "kubernetes";
constexpr size_t kParallelDeletes = 64;
constexpr int64_t kPage = 500;      // objects of a kind that are listed at a time
constexpr size_t kErrorsTold = 10;  // of one kind: a condition of megabytes would be refused itself
constexpr size_t kFinalizersTold = 20;
// How soon to look again while pods end or finalizers run; doubles up to kMaxWait.
constexpr Duration kFirstWait = std::chrono::milliseconds(100);
constexpr Duration kMaxWait = std::chrono::seconds(5);

class NamespaceController final : public KeyedController {
 public:
  NamespaceController(World world, KindSource kinds)
      : KeyedController(world, {.name = "namespace-controller", .workers = 10}), kinds_(std::move(kinds)) {}

 private:
  void Subscribe() override {
    namespaces_ = Source<Namespace>();
    QueueChangesOf(namespaces_.untyped());
  }

  Task<Result<void>> Sync(std::string key) override {
    const NamespacePtr known = namespaces_.GetByKey(key);
    if (!known || !known.object()->deleting()) {
      waits_.erase(key);
      co_return Result<void>();
    }
    // What is known may be of before: the namespace has ended, and another one of its name holds what must stay.
    Result<NamespacePtr> asked = co_await client::Get<Namespace>(world_.client, "", key);
    if (!asked && !asked.error().Is(Reason::kNotFound)) co_return Fail(std::move(asked).error());
    if (!asked || !asked->object()->deleting()) co_return Result<void>();
    const NamespacePtr space = *std::move(asked);
    auto held = std::ranges::find(space->spec.finalizers, kFinalizer);
    if (held == space->spec.finalizers.end()) co_return Result<void>();

    Remaining remaining = co_await DeleteContent(key);
    auto conditions = namespaces::PlanConditions(space->status.conditions, remaining, world_.clock.Now());
    ObjectPtr object = space.object();
    if (conditions != space->status.conditions) {
      api::core::NamespaceStatus status = space->status;
      status.conditions = std::move(conditions);
      Result<ObjectPtr> updated = co_await UpdateStatus(world_.client, object, api::ToJson(status));
      if (!updated && updated.error().Is(Reason::kNotFound)) co_return Result<void>();
      if (!updated) co_return Fail(std::move(updated).error());
      object = *updated;
    }
    if (!remaining.empty()) {
      Duration& wait = waits_.try_emplace(key, kFirstWait).first->second;
      QueueAfter(key, wait);
      wait = std::min(wait * 2, kMaxWait);
      co_return Result<void>();
    }
    co_return co_await Finalize(std::move(object));
  }

  Task<Result<void>> Finalize(ObjectPtr space) {
    json::Value body = space->Parse();
    json::Array kept;
    const json::Value* finalizers = json::Find(body, "spec", "finalizers");
    if (finalizers == nullptr || !finalizers->is_array()) co_return Result<void>();
    for (const json::Value& finalizer : finalizers->get_array()) {
      if (json::FindString(&finalizer) != kFinalizer) kept.push_back(finalizer);
    }
    body.as_object()["spec"].as_object()["finalizers"] = std::move(kept);
    Result<ObjectPtr> finalized =
        co_await world_.client.Update(client::RefOf<Namespace>("", space->name(), "finalize"), std::move(body));
    if (!finalized && !finalized.error().Is(Reason::kNotFound)) co_return Fail(std::move(finalized).error());
    co_return Result<void>();
  }

  // Pods go first: what they use (secrets, services, accounts) stays until they have ended.
  Task<Remaining> DeleteContent(std::string name) {
    Remaining remaining;
    const api::KindInfo& pods = api::KindOf<api::core::Pod>();
    co_await DeleteKind(&pods, name, &remaining);
    if (!remaining.empty()) co_return remaining;
    for (const api::KindInfo* kind : kinds_()) {
      if (kind->namespaced() && kind != &pods) co_await DeleteKind(kind, name, &remaining);
    }
    co_return remaining;
  }

  static Task<Result<void>> DeleteOne(client::Client* client, client::Ref ref, std::string uid) {
    return client->Delete(std::move(ref), {.propagation_policy = "Background", .uid_precondition = std::move(uid)});
  }

  Task<void> DeleteKind(const api::KindInfo* kind, std::string name, Remaining* remaining) {
    std::string resource = kind->resource + "." + kind->group;
    size_t found = 0;
    auto take = [this, kind, &name, &resource, &found, remaining](std::vector<ObjectPtr> objects) {
      found += objects.size();
      return DeleteObjects(kind, name, std::move(objects), resource, remaining);
    };
    Result<void> listed = co_await EachPage(kind, name, take);
    auto count = [&resource, remaining](std::vector<ObjectPtr> objects) {
      return Count(std::move(objects), resource, remaining);
    };
    if (listed && found > 0) listed = co_await EachPage(kind, name, count);
    if (!listed) remaining->errors.push_back(fmt::format("{}: {}", resource, listed.error().message()));
  }

  // Hands `visit` the objects of the kind in the namespace, page by page.
  Task<Result<void>> EachPage(const api::KindInfo* kind, std::string name,
                              std::function<Task<void>(std::vector<ObjectPtr>)> visit) {
    client::ListOptions options{.limit = kPage};
    do {
      client::Ref all{kind, name, "", ""};
      CO_TRY(client::ListResult page, co_await world_.client.List(std::move(all), options));
      options.continue_token = std::move(page.continue_token);
      co_await visit(std::move(page.items));
    } while (!options.continue_token.empty());
    co_return Result<void>();
  }

  Task<void> DeleteObjects(const api::KindInfo* kind, std::string name, std::vector<ObjectPtr> objects, std::string resource,
                           Remaining* remaining) {
    std::vector<Task<Result<void>>> requests;
    for (const ObjectPtr& object : objects) {
      if (object->deleting()) continue;
      requests.push_back(DeleteOne(&world_.client, {kind, name, object->name(), ""}, object->uid()));
      if (requests.size() < kParallelDeletes) continue;
      co_await Collect(std::exchange(requests, {}), resource, remaining);
    }
    co_await Collect(std::move(requests), resource, remaining);
  }

  static Task<void> Count(std::vector<ObjectPtr> objects, std::string resource, Remaining* remaining) {
    for (const ObjectPtr& object : objects) {
      ++remaining->objects[resource];
      for (const std::string& finalizer : object->head().finalizers) {
        bool told = remaining->finalizers.contains(finalizer) || remaining->finalizers.size() < kFinalizersTold;
        ++remaining->finalizers[told ? finalizer : "others"];
      }
    }
    co_return;
  }

  static Task<void> Collect(std::vector<Task<Result<void>>> requests, std::string resource, Remaining* remaining) {
    std::vector<Result<void>> results = co_await WhenAll(std::move(requests));
    for (const Result<void>& done : results) {
      // Another object of that name is counted, and deleted by the next look.
      if (done || done.error().Is(Reason::kNotFound) || done.error().Is(Reason::kConflict)) continue;
      if (remaining->errors.size() >= kErrorsTold) continue;
      remaining->errors.push_back(fmt::format("{}: {}", resource, done.error().message()));
    }
  }

  const KindSource kinds_;
  client::Informer<Namespace> namespaces_;
  std::unordered_map<std::string, Duration> waits_;
};

}  // namespace

std::unique_ptr<Controller> NewNamespaceController(World world, KindSource kinds) {
  return std::make_unique<NamespaceController>(world, std::move(kinds));
}

}  // namespace sampan::controllers
