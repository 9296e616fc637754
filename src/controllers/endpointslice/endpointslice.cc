#include "controllers/endpointslice/endpointslice.h"

#include "client/expectations.h"
#include "client/typed.h"
#include "controllers/common/service_pods.h"
#include "controllers/endpointslice/plan.h"

namespace sampan::controllers {
namespace {

using api::discovery::EndpointSlice;
using endpointslice::SlicePtr;

constexpr std::string_view kServiceIndex = "service";

// The key of the service whose slice this is; empty when this controller does not keep the slice.
std::string ServiceKey(const api::Object& slice) {
  const api::StringMap& labels = slice.head().labels;
  const std::string* manager = labels.Find(endpointslice::kManagedBy);
  const std::string* service = labels.Find(endpointslice::kServiceName);
  if (manager == nullptr || *manager != endpointslice::kManager || service == nullptr) return "";
  return client::KeyOf(slice.namespace_(), *service);
}

class EndpointSliceController final : public ServicePodsController {
 public:
  explicit EndpointSliceController(World world)
      : ServicePodsController(world, {.name = "endpointslice-controller", .event_component = "endpoint-slice-controller"},
                              Duration(0)) {}

 private:
  void Subscribe() override {
    ServicePodsController::Subscribe();
    slices_ = Source<EndpointSlice>();
    slices_->cache().AddIndex(std::string(kServiceIndex), [](const api::Object& slice, std::vector<std::string>& keys) {
      std::string key = ServiceKey(slice);
      if (!key.empty()) keys.push_back(std::move(key));
    });
    Listen(slices_.untyped(), {.added =
                                   [this](const ObjectPtr& slice) {
                                     expectations_.CreationObserved(ServiceKey(*slice));
                                     SliceChanged(*slice);
                                   },
                               .updated = [this](const ObjectPtr&, const ObjectPtr& after) { SliceChanged(*after); },
                               .deleted =
                                   [this](const ObjectPtr& last) {
                                     written_.erase(client::KeyOf(*last));
                                     SliceChanged(*last);
                                   }});
  }

  void SliceChanged(const api::Object& slice) {
    std::string key = ServiceKey(slice);
    if (key.empty()) return;
    // The echo of our own write needs no second look, unless a sync was put off until its slices are seen.
    auto written = written_.find(client::KeyOf(slice));
    bool echo = written != written_.end() && written->second == slice.revision();
    if (!echo || put_off_.erase(key) > 0) Queue(std::move(key));
  }

  Task<Result<void>> Sync(std::string key) override {
    ServicePtr service = services_.GetByKey(key);
    if (!service || service.object()->deleting()) {
      // The slices have the service as owner and go with it.
      expectations_.Forget(key);
      put_off_.erase(key);
      co_return Result<void>();
    }
    if (service->spec.selector.empty() || service->spec.type == "ExternalName") co_return Result<void>();
    if (!expectations_.Satisfied(key, world_.clock.Monotonic())) {
      put_off_.insert(key);
      co_return Result<void>();
    }
    std::vector<PodPtr> pods = Selected(service);
    std::vector<SlicePtr> existing = slices_.ByIndex(kServiceIndex, key);
    endpointslice::Plan plan = endpointslice::PlanSlices(service, pods, existing);
    co_return co_await Execute(std::move(key), std::move(plan));
  }

  Task<Result<void>> Execute(std::string key, endpointslice::Plan plan) {
    for (EndpointSlice& slice : plan.update) {
      CO_TRY(SlicePtr updated, co_await client::Update(world_.client, std::move(slice)));
      written_[client::KeyOf(*updated.object())] = updated.object()->revision();
    }
    expectations_.ExpectCreations(key, static_cast<int>(plan.create.size()), world_.clock.Monotonic());
    std::optional<Error> failed;
    for (EndpointSlice& slice : plan.create) {
      if (!failed) {
        Result<SlicePtr> created = co_await client::Create(world_.client, std::move(slice));
        if (created) {
          written_[client::KeyOf(*created->object())] = created->object()->revision();
          continue;
        }
        failed = std::move(created).error();
      }
      expectations_.CreationObserved(key);
    }
    if (failed) co_return Fail(*failed);
    for (const SlicePtr& slice : plan.remove) {
      Result<void> removed = co_await client::Delete<EndpointSlice>(world_.client, slice.namespace_(), slice.name(),
                                                                    {.uid_precondition = slice.uid()});
      if (!removed && !removed.error().Is(Reason::kNotFound)) co_return Fail(std::move(removed).error());
    }
    co_return Result<void>();
  }

  client::Informer<EndpointSlice> slices_;
  client::Expectations expectations_;
  std::unordered_map<std::string, api::Revision> written_;  // our last write of each slice
  std::unordered_set<std::string> put_off_;                 // services that wait for their new slices to be seen
};

}  // namespace

std::unique_ptr<Controller> NewEndpointSliceController(World world) {
  return std::make_unique<EndpointSliceController>(world);
}

}  // namespace sampan::controllers
