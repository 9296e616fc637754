#include "controllers/endpointslicemirroring/endpointslicemirroring.h"

#include "controllers/endpointslice/slice_keeper.h"
#include "controllers/endpointslicemirroring/plan.h"

namespace sampan::controllers {
namespace {

using api::core::Endpoints;
using api::core::Service;
using api::discovery::EndpointSlice;

class EndpointSliceMirroringController final : public KeyedController {
 public:
  explicit EndpointSliceMirroringController(World world)
      : KeyedController(world, {.name = "endpointslice-mirroring-controller"}),
        keeper_(world.client, world.clock, endpointslicemirroring::kManager) {}

 private:
  void Subscribe() override {
    services_ = Source<Service>();
    endpoints_ = Source<Endpoints>();
    client::Informer<EndpointSlice> slices = Source<EndpointSlice>();
    keeper_.Attach(slices);
    QueueChangesOf(endpoints_.untyped());
    // Of a service only its selector, its coming and its going matter.
    Listen(services_.untyped(), {.added = [this](const ObjectPtr& service) { ServiceChanged(*service); },
                                 .updated =
                                     [this](const ObjectPtr& before, const ObjectPtr& after) {
                                       bool was = before->As<Service>().spec.selector.empty(),
                                            is = after->As<Service>().spec.selector.empty();
                                       if (was != is) ServiceChanged(*after);
                                     },
                                 .deleted = [this](const ObjectPtr& last) { ServiceChanged(*last); }});
    Listen(slices.untyped(), keeper_.Handlers([this](std::string key) { Queue(std::move(key)); }));
  }

  void ServiceChanged(const api::Object& service) {
    std::string key = client::KeyOf(service);
    if (endpoints_.GetByKey(key) || !keeper_.SlicesOf(key).empty()) Queue(std::move(key));
  }

  Task<Result<void>> Sync(std::string key) override {
    if (!keeper_.Ready(key)) co_return Result<void>();
    endpointslicemirroring::EndpointsPtr endpoints = endpoints_.GetByKey(key);
    ServicePtr service = services_.GetByKey(key);
    std::vector<endpointslice::SlicePtr> existing = keeper_.SlicesOf(key);
    endpointslice::Plan plan;
    if (endpointslicemirroring::IsMirrored(endpoints, service)) {
      plan = endpointslicemirroring::PlanMirror(endpoints, existing);
    } else {
      plan.remove = std::move(existing);
    }
    co_return co_await keeper_.Execute(std::move(key), std::move(plan));
  }

  client::Informer<Service> services_;
  client::Informer<Endpoints> endpoints_;
  endpointslice::SliceKeeper keeper_;
};

}  // namespace

std::unique_ptr<Controller> NewEndpointSliceMirroringController(World world) {
  return std::make_unique<EndpointSliceMirroringController>(world);
}

}  // namespace sampan::controllers
