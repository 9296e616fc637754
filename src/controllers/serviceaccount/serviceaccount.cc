#include "controllers/serviceaccount/serviceaccount.h"

#include "client/typed.h"
#include "controllers/common/objects.h"

namespace sampan::controllers {
namespace {

using api::core::ConfigMap;
using api::core::Namespace;
using api::core::ServiceAccount;

constexpr std::string_view kDefaultAccount = "default";
constexpr std::string_view kRootCaMap = "kube-root-ca.crt";

// Keeps one object of a fixed name in every namespace; keys are namespaces' names.
template <class T>
class OnePerNamespace : public KeyedController {
 protected:
  OnePerNamespace(World world, std::string name, std::string_view object_name)
      : KeyedController(world, {.name = std::move(name)}), object_name_(object_name) {}

  virtual T Wanted() const = 0;
  // Brings an object that is there to what is wanted; nothing when it is so.
  virtual std::optional<T> Corrected(const T& held) const = 0;

 private:
  void Subscribe() override {
    namespaces_ = Source<Namespace>();
    objects_ = Source<T>({.field_selector = fmt::format("metadata.name={}", object_name_)});
    QueueChangesOf(namespaces_.untyped());
    Listen(objects_.untyped(), {.updated = [this](const ObjectPtr&, const ObjectPtr& after) { Queue(after->namespace_()); },
                                .deleted = [this](const ObjectPtr& last) { Queue(last->namespace_()); }});
  }

  Task<Result<void>> Sync(std::string key) override {
    client::TypedPtr<Namespace> space = namespaces_.Get("", key);
    if (!space || space.object()->deleting() || space->status.phase == "Terminating") co_return Result<void>();
    client::TypedPtr<T> held = objects_.Get(key, object_name_);
    if (held) {
      std::optional<T> corrected = Corrected(*held);
      if (corrected) CO_TRY_VOID(co_await client::Update(world_.client, *std::move(corrected)));
      co_return Result<void>();
    }
    T wanted = Wanted();
    wanted.metadata.name = object_name_;
    wanted.metadata.namespace_ = key;
    Result<client::TypedPtr<T>> created = co_await client::Create(world_.client, std::move(wanted));
    if (created || created.error().Is(Reason::kAlreadyExists) || created.error().Is(Reason::kNotFound) ||
        NamespaceEnds(created.error())) {
      co_return Result<void>();
    }
    co_return Fail(std::move(created).error());
  }

  const std::string object_name_;
  client::Informer<Namespace> namespaces_;
  client::Informer<T> objects_;
};

class ServiceAccountController final : public OnePerNamespace<ServiceAccount> {
 public:
  explicit ServiceAccountController(World world) : OnePerNamespace(world, "serviceaccount-controller", kDefaultAccount) {}

 private:
  ServiceAccount Wanted() const override { return {}; }
  std::optional<ServiceAccount> Corrected(const ServiceAccount&) const override { return std::nullopt; }
};

class RootCaPublisher final : public OnePerNamespace<ConfigMap> {
 public:
  RootCaPublisher(World world, std::string ca_pem)
      : OnePerNamespace(world, "root-ca-certificate-publisher-controller", kRootCaMap), ca_pem_(std::move(ca_pem)) {}

 private:
  ConfigMap Wanted() const override {
    ConfigMap map;
    map.metadata.annotations["kubernetes.io/description"] =
        "The CA that signs the API server's certificate for use inside the cluster.";
    map.data["ca.crt"] = ca_pem_;
    return map;
  }
  std::optional<ConfigMap> Corrected(const ConfigMap& held) const override {
    ConfigMap map = held;
    map.data = Wanted().data;
    return map == held ? std::nullopt : std::optional(std::move(map));
  }

  const std::string ca_pem_;
};

}  // namespace

std::unique_ptr<Controller> NewServiceAccountController(World world) {
  return std::make_unique<ServiceAccountController>(world);
}

std::unique_ptr<Controller> NewRootCaPublisher(World world, std::string ca_pem) {
  return std::make_unique<RootCaPublisher>(world, std::move(ca_pem));
}

}  // namespace sampan::controllers
