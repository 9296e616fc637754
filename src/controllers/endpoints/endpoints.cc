#include "controllers/endpoints/endpoints.h"

#include "client/typed.h"
#include "controllers/common/service_pods.h"
#include "controllers/endpoints/plan.h"

namespace sampan::controllers {
namespace {

using api::core::Endpoints;
using EndpointsPtr = client::TypedPtr<Endpoints>;

// Every change rewrites the whole object, and nothing urgent reads it: changes of pods are gathered for a moment.
constexpr Duration kGather = std::chrono::milliseconds(100);

class EndpointsController final : public ServicePodsController {
 public:
  explicit EndpointsController(World world) : ServicePodsController(world, {.name = "endpoints-controller"}, kGather) {}

 private:
  void Subscribe() override {
    ServicePodsController::Subscribe();
    endpoints_ = Source<Endpoints>();
    QueueChangesOf(endpoints_.untyped());
  }

  Task<Result<void>> Sync(std::string key) override {
    ServicePtr service = services_.GetByKey(key);
    EndpointsPtr current = endpoints_.GetByKey(key);
    if (!service) {
      // Those that people made by hand for no service at all (leader election once did) carry no mark of ours.
      if (!current || !current.head().labels.contains("endpoints.kubernetes.io/managed-by")) co_return Result<void>();
      Result<void> removed = co_await client::Delete<Endpoints>(world_.client, current.namespace_(), current.name(),
                                                                {.uid_precondition = current.uid()});
      if (!removed && !removed.error().Is(Reason::kNotFound)) co_return Fail(std::move(removed).error());
      co_return Result<void>();
    }
    if (service->spec.selector.empty() || service->spec.type == "ExternalName") co_return Result<void>();
    std::vector<PodPtr> pods = Selected(service);
    Endpoints wanted = endpoints::PlanEndpoints(service, pods, current ? &*current : nullptr);
    if (current && *current == wanted) co_return Result<void>();
    if (current) {
      CO_TRY_VOID(co_await client::Update(world_.client, std::move(wanted)));
      co_return Result<void>();
    }
    Result<EndpointsPtr> written = co_await client::Create(world_.client, std::move(wanted));
    if (!written && !written.error().Is(Reason::kAlreadyExists) && !NamespaceEnds(written.error()))
      co_return Fail(std::move(written).error());
    co_return Result<void>();
  }

  client::Informer<Endpoints> endpoints_;
};

}  // namespace

std::unique_ptr<Controller> NewEndpointsController(World world) {
  return std::make_unique<EndpointsController>(world);
}

}  // namespace sampan::controllers
