#include "controllers/serviceaccounttoken/serviceaccounttoken.h"

#include "client/typed.h"
#include "controllers/serviceaccounttoken/plan.h"

namespace sampan::controllers {
namespace {

using api::core::Secret;
using api::core::ServiceAccount;
using serviceaccounttoken::AccountPtr;
using serviceaccounttoken::SecretPtr;

// The longest that the server gives: 136 years. The token dies with its secret.
constexpr int64_t kTokenSeconds = int64_t{1} << 32;
constexpr std::string_view kAccountIndex = "account";

class ServiceAccountTokenController final : public KeyedController {
 public:
  ServiceAccountTokenController(World world, std::string root_ca_pem)
      : KeyedController(world, {.name = "serviceaccount-token-controller"}), root_ca_pem_(std::move(root_ca_pem)) {}

 private:
  void Subscribe() override {
    secrets_ = Source<Secret>({.field_selector = fmt::format("type={}", serviceaccounttoken::kSecretType)});
    accounts_ = Source<ServiceAccount>();
    secrets_->cache().AddIndex(std::string(kAccountIndex), [](const api::Object& object, std::vector<std::string>& keys) {
      const std::string* name = object.As<Secret>().metadata.annotations.Find(serviceaccounttoken::kAccountName);
      if (name != nullptr) keys.push_back(client::KeyOf(object.namespace_(), *name));
    });
    QueueChangesOf(secrets_.untyped());
    auto changed = [this](const ObjectPtr& account) {
      for (const SecretPtr& secret : secrets_.ByIndex(kAccountIndex, client::KeyOf(*account))) {
        Queue(client::KeyOf(*secret.object()));
      }
    };
    Listen(accounts_.untyped(), {.added = changed, .deleted = changed});
  }

  Task<Result<void>> Sync(std::string key) override {
    SecretPtr secret = secrets_.GetByKey(key);
    if (!secret || serviceaccounttoken::AccountOf(secret).empty()) co_return Result<void>();
    std::string name(serviceaccounttoken::AccountOf(secret));
    AccountPtr account = accounts_.Get(secret.namespace_(), name);
    if (!account) {
      // The cache may be behind; what is deleted here is deleted for good.
      auto live = co_await client::Get<ServiceAccount>(world_.client, secret.namespace_(), name);
      if (!live && !live.error().Is(Reason::kNotFound)) co_return Fail(std::move(live).error());
      if (live) account = *live;
    }
    serviceaccounttoken::Plan plan = serviceaccounttoken::PlanSecret(secret, account, root_ca_pem_);
    if (plan.remove) co_return co_await Remove(std::move(secret));
    if (!plan.update) co_return Result<void>();
    if (plan.needs_token) {
      CO_TRY(std::string token, co_await AskForToken(secret, std::move(name)));
      plan.update->data["token"] = std::move(token);
    }
    Result<SecretPtr> updated = co_await client::Update(world_.client, *std::move(plan.update));
    if (!updated && !updated.error().Is(Reason::kNotFound)) co_return Fail(std::move(updated).error());
    co_return Result<void>();
  }

  Task<Result<void>> Remove(SecretPtr secret) {
    Result<void> removed = co_await client::Delete<Secret>(world_.client, secret.namespace_(), secret.name(),
                                                           {.uid_precondition = secret.uid()});
    if (!removed && !removed.error().Is(Reason::kNotFound)) co_return removed;
    co_return Result<void>();
  }

  Task<Result<std::string>> AskForToken(SecretPtr secret, std::string account) {
    json::Object bound{{"apiVersion", "v1"}, {"kind", "Secret"}, {"name", secret.name()}, {"uid", secret.uid()}};
    json::Value request =
        json::Object{{"apiVersion", "authentication.k8s.io/v1"},
                     {"kind", "TokenRequest"},
                     {"spec", json::Object{{"expirationSeconds", kTokenSeconds}, {"boundObjectRef", std::move(bound)}}}};
    client::Ref ref = client::RefOf<ServiceAccount>(secret.namespace_(), std::move(account), "token");
    CO_TRY(ObjectPtr answer, co_await world_.client.Create(std::move(ref), std::move(request)));
    json::Value value = answer->Parse();
    std::string token(json::FindString(json::Find(value, "status", "token")));
    if (token.empty()) co_return Fail(Error::InternalError("the server answered a token request without a token"));
    co_return token;
  }

  const std::string root_ca_pem_;
  client::Informer<Secret> secrets_;
  client::Informer<ServiceAccount> accounts_;
};

}  // namespace

std::unique_ptr<Controller> NewServiceAccountTokenController(World world, std::string root_ca_pem) {
  return std::make_unique<ServiceAccountTokenController>(world, std::move(root_ca_pem));
}

}  // namespace sampan::controllers
