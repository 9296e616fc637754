#include "controllers/endpointslice/endpointslice.h"

#include "controllers/common/service_pods.h"
#include "controllers/endpointslice/plan.h"
#include "controllers/endpointslice/slice_keeper.h"

namespace sampan::controllers {
namespace {

using api::discovery::EndpointSlice;

class EndpointSliceController final : public ServicePodsController {
 public:
  explicit EndpointSliceController(World world)
      : ServicePodsController(world, {.name = "endpointslice-controller", .event_component = "endpoint-slice-controller"},
                              Duration(0)),
        keeper_(world.client, world.clock, endpointslice::kManager) {}

 private:
  void Subscribe() override {
    ServicePodsController::Subscribe();
    client::Informer<EndpointSlice> slices = Source<EndpointSlice>();
    keeper_.Attach(slices);
    Listen(slices.untyped(), keeper_.Handlers([this](std::string key) { Queue(std::move(key)); }));
  }

  Task<Result<void>> Sync(std::string key) override {
    ServicePtr service = services_.GetByKey(key);
    if (!service || service.object()->deleting()) {
      // The slices have the service as owner and go with it.
      keeper_.Forget(key);
      co_return Result<void>();
    }
    if (service->spec.selector.empty() || service->spec.type == "ExternalName" || !keeper_.Ready(key)) {
      co_return Result<void>();
    }
    std::vector<PodPtr> pods = Selected(service);
    endpointslice::Plan plan = endpointslice::PlanSlices(service, pods, keeper_.SlicesOf(key));
    co_return co_await keeper_.Execute(std::move(key), std::move(plan));
  }

  endpointslice::SliceKeeper keeper_;
};

}  // namespace

std::unique_ptr<Controller> NewEndpointSliceController(World world) {
  return std::make_unique<EndpointSliceController>(world);
}

}  // namespace sampan::controllers
