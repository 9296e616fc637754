#include "controllers/serviceaccounttoken/plan.h"

namespace sampan::controllers::serviceaccounttoken {

std::string_view AccountOf(const SecretPtr& secret) {
  if (secret->type != kSecretType) return {};
  const std::string* name = secret->metadata.annotations.Find(kAccountName);
  return name == nullptr ? std::string_view() : *name;
}

Plan PlanSecret(const SecretPtr& secret, const AccountPtr& account, std::string_view root_ca_pem) {
  Plan plan;
  if (AccountOf(secret).empty() || secret.object()->deleting()) return plan;
  std::string bound = secret->metadata.annotations.Get(kAccountUid);
  if (!account || (!bound.empty() && bound != account.uid())) {
    plan.remove = true;
    return plan;
  }
  api::core::Secret wanted = *secret;
  wanted.metadata.annotations[kAccountUid] = account.uid();
  wanted.data["namespace"] = secret.namespace_();
  if (!root_ca_pem.empty()) wanted.data["ca.crt"] = std::string(root_ca_pem);
  plan.needs_token = wanted.data.Get("token").empty();
  if (plan.needs_token || !(wanted == *secret)) plan.update = std::move(wanted);
  return plan;
}

}  // namespace sampan::controllers::serviceaccounttoken
