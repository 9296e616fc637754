#include "controllers/serviceaccounttoken/serviceaccounttoken.h"

#include <gtest/gtest.h>

#include "controllers/serviceaccounttoken/plan.h"
#include "controllers/testing/sim.h"

namespace sampan::controllers {
namespace {

using api::core::Secret;
using api::core::ServiceAccount;
using serviceaccounttoken::AccountPtr;
using serviceaccounttoken::SecretPtr;
using testing::Sim;

struct Row {
  const char* what;
  const char* type;
  api::StringMap annotations;
  api::StringMap data;
  const char* account_uid;  // null: there is no account
  const char* outcome;      // "keep", "remove", "update", "update with a token"
};

class TokenSecret : public ::testing::TestWithParam<Row> {};

TEST_P(TokenSecret, Plan) {
  const Row& row = GetParam();
  Secret secret;
  secret.metadata.name = "s";
  secret.metadata.namespace_ = "team";
  secret.metadata.annotations = row.annotations;
  secret.type = row.type;
  secret.data = row.data;
  AccountPtr account;
  if (row.account_uid != nullptr) {
    ServiceAccount made;
    made.metadata.name = "robot";
    made.metadata.namespace_ = "team";
    made.metadata.uid = row.account_uid;
    account = AccountPtr(*api::Object::FromValue(api::ToJson(made), 1));
  }
  auto plan = serviceaccounttoken::PlanSecret(SecretPtr(*api::Object::FromValue(api::ToJson(secret), 1)), account, "CA");
  std::string outcome = plan.remove ? "remove" : plan.needs_token ? "update with a token" : plan.update ? "update" : "keep";
  EXPECT_EQ(outcome, row.outcome) << row.what;
  if (plan.update) {
    EXPECT_EQ(plan.update->data.Get("ca.crt"), "CA");
    EXPECT_EQ(plan.update->data.Get("namespace"), "team");
    EXPECT_EQ(plan.update->metadata.annotations.Get(serviceaccounttoken::kAccountUid), row.account_uid);
  }
}

constexpr char kType[] = "kubernetes.io/service-account-token";
const api::StringMap kNamed{{"kubernetes.io/service-account.name", "robot"}};
const api::StringMap kBound{{"kubernetes.io/service-account.name", "robot"}, {"kubernetes.io/service-account.uid", "u1"}};
const api::StringMap kFull{{"ca.crt", "CA"}, {"namespace", "team"}, {"token", "t"}};

INSTANTIATE_TEST_SUITE_P(
    Rows, TokenSecret,
    ::testing::Values(
        Row{"another type of secret", "Opaque", kNamed, {}, "u1", "keep"},
        Row{"without an account's name", kType, {}, {}, "u1", "keep"},
        Row{"fresh", kType, kNamed, {}, "u1", "update with a token"}, Row{"complete", kType, kBound, kFull, "u1", "keep"},
        Row{"its token was taken out",
            kType,
            kBound,
            {{"ca.crt", "CA"}, {"namespace", "team"}},
            "u1",
            "update with a token"},
        Row{"another CA", kType, kBound, {{"ca.crt", "old"}, {"namespace", "team"}, {"token", "t"}}, "u1", "update"},
        Row{"not bound yet", kType, kNamed, kFull, "u1", "update"},
        Row{"the account is gone", kType, kBound, kFull, nullptr, "remove"},
        Row{"the account was made anew", kType, kBound, kFull, "u2", "remove"}));

TEST(ServiceAccountTokenController, SecretsGoWithTheirAccount) {
  Sim sim;
  sim.Start(NewServiceAccountTokenController(sim.world(), "CA"));
  sim.api().Put(R"({"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"robot","namespace":"default"}})");
  std::string uid = sim.Get<ServiceAccount>("robot").uid();
  sim.api().Put(fmt::format(R"({{"apiVersion":"v1","kind":"Secret","type":"{}","metadata":{{"name":"s","namespace":"default",
      "annotations":{{"kubernetes.io/service-account.name":"robot","kubernetes.io/service-account.uid":"{}"}}}},
      "data":{{"token":"dA=="}}}})",
                            kType, uid));
  sim.Settle();
  EXPECT_EQ(sim.Get<Secret>("s")->data.Get("ca.crt"), "CA");
  EXPECT_EQ(sim.Get<Secret>("s")->data.Get("token"), "t");
  sim.Delete<ServiceAccount>("robot");
  EXPECT_FALSE(sim.Get<Secret>("s"));
}

}  // namespace
}  // namespace sampan::controllers
