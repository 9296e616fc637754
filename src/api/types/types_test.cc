#include <gtest/gtest.h>

#include "api/schema.h"
#include "api/types/apps.h"
#include "api/types/authentication.h"
#include "api/types/convert.h"
#include "api/types/coordination.h"
#include "api/types/core.h"
#include "api/types/rbac.h"

namespace sampan::api {
namespace {

TEST(Types, EncodeOmitsWhatIsAbsent) {
  core::Pod pod;
  pod.metadata.name = "p";
  core::Container& container = pod.spec.containers.emplace_back();
  container.name = "c";
  container.image = "busybox";
  container.resources.Ensure().limits["cpu"] = *Quantity::Parse("0.5");
  pod.spec.termination_grace_period_seconds = 0;
  EXPECT_EQ(ToJsonText(pod),
            R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"busybox",)"
            R"("resources":{"limits":{"cpu":"500m"}}}],"terminationGracePeriodSeconds":0}})");
  EXPECT_EQ(json::Serialize(ToJson(pod)), ToJsonText(pod));
}

TEST(Types, DecodeEncodeIsStable) {
  constexpr std::string_view kDeployment =
      R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"d","creationTimestamp":"2026-01-01T00:00:00Z","labels":{"a":"b"}},)"
      R"("spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":)"
      R"([{"name":"c","env":[{"name":"X","value":"1"}],"livenessProbe":{"httpGet":{"path":"/","port":"http"},"periodSeconds":5}}]}},)"
      R"("strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1,"maxSurge":"25%"}}}})";
  auto from_text = FromJsonText<apps::Deployment>(kDeployment);
  ASSERT_TRUE(from_text);
  EXPECT_EQ(from_text->spec.replicas, 0);
  EXPECT_EQ(from_text->spec.strategy->rolling_update->max_surge->text(), "25%");
  EXPECT_EQ(ToJsonText(*from_text), kDeployment);
  auto from_value = FromJson<apps::Deployment>(*json::Parse(kDeployment));
  ASSERT_TRUE(from_value);
  EXPECT_EQ(*from_value, *from_text);
}

TEST(Types, CopiesAreDeep) {
  core::Pod a;
  a.spec.security_context.Ensure().run_as_user = 1;
  core::Pod b = a;
  b.spec.security_context->run_as_user = 2;
  EXPECT_EQ(a.spec.security_context->run_as_user, 1);
  EXPECT_FALSE(a == b);
}

TEST(Types, StrictDecodeNamesTheMisfit) {
  auto pod = FromJson<core::Pod>(*json::Parse(R"({"spec":{"nodeName":5}})"));
  ASSERT_FALSE(pod);
  EXPECT_EQ(pod.error().message(), "field \"nodeName\" has a value of an unexpected type");
  EXPECT_TRUE(FromJsonText<core::Pod>(R"({"spec":{"nodeName":5,"hostname":"h"}})")->spec.hostname == "h");
}

TEST(Types, BytesTimesAndMaps) {
  auto secret = *FromJsonText<core::Secret>(R"({"data":{"k":"Zm9v"},"type":"Opaque"})");
  EXPECT_EQ(secret.data.Get("k"), "foo");
  EXPECT_EQ(ToJsonText(secret), R"({"kind":"Secret","apiVersion":"v1","data":{"k":"Zm9v"},"type":"Opaque"})");
  auto lease = *FromJsonText<coordination::Lease>(R"({"spec":{"renewTime":"2026-01-01T00:00:00.123456Z"}})");
  EXPECT_EQ(ToJsonText(lease),
            R"({"kind":"Lease","apiVersion":"coordination.k8s.io/v1","spec":{"renewTime":"2026-01-01T00:00:00.123456Z"}})");
  auto review = *FromJsonText<authentication::TokenReview>(R"({"status":{"user":{"extra":{"a":["b","c"]}}}})");
  EXPECT_EQ(review.status.user->extra.Get("a").size(), 2U);
}

TEST(Types, KindsKnowThemselves) {
  EXPECT_EQ(KindOf<core::Pod>().resource, "pods");
  EXPECT_EQ(KindOf<rbac::ClusterRole>().scope, Scope::kCluster);
  EXPECT_EQ(KindOf<apps::Deployment>().ApiVersion(), "apps/v1");
  EXPECT_EQ(FindKind("autoscaling/v1", "Scale")->resource, "");
  EXPECT_EQ(FindKind("v1", "DeleteOptions")->type->ShortName(), "DeleteOptions");
  EXPECT_EQ(FindResource("", "v1", "pods")->kind, "Pod");
  EXPECT_EQ(FindResource("apps", "v1", "pods"), nullptr);
  for (const KindInfo* kind : BuiltinKinds()) EXPECT_NE(kind->type, nullptr) << kind->kind;
}

}  // namespace
}  // namespace sampan::api
