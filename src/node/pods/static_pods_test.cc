#include "node/pods/static_pods.h"

#include <gtest/gtest.h>

namespace sampan::node {
namespace {

constexpr std::string_view kManifest = R"(
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: a
    image: img:1
)";

TEST(StaticPods, BelongToTheNode) {
  auto pod = StaticPodOf(kManifest, "node-a");
  ASSERT_TRUE(pod) << pod.error().message();
  EXPECT_EQ((*pod)->metadata.name, "web-node-a");
  EXPECT_EQ((*pod)->metadata.namespace_, "default");
  EXPECT_EQ((*pod)->metadata.uid.size(), 32u);
  EXPECT_EQ((*pod)->spec.node_name, "node-a");
  EXPECT_EQ((*pod)->spec.restart_policy, "Always");
  EXPECT_EQ(MirrorHash(**pod), "");
}

TEST(StaticPods, AChangedManifestIsAnotherPod) {
  auto uid = [](std::string_view manifest, const std::string& node) { return (*StaticPodOf(manifest, node))->metadata.uid; };
  const std::string first = uid(kManifest, "node-a");
  EXPECT_EQ(uid(kManifest, "node-a"), first);
  EXPECT_NE(uid(std::string(kManifest) + "  hostNetwork: true\n", "node-a"), first);
  EXPECT_NE(uid(kManifest, "node-b"), first);
}

TEST(StaticPods, TheMirrorNamesItsPod) {
  auto pod = StaticPodOf(kManifest, "node-a");
  json::Value mirror = MirrorOf(**pod, "node-uid");
  auto decoded = api::FromJson<api::core::Pod>(mirror);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(MirrorHash(*decoded), (*pod)->metadata.uid);
  EXPECT_EQ(decoded->metadata.uid, "");
  ASSERT_EQ(decoded->metadata.owner_references.size(), 1u);
  EXPECT_EQ(decoded->metadata.owner_references[0].uid, "node-uid");
}

TEST(StaticPods, Faults) {
  for (std::string_view bad : {
           "",
           "just text",
           "kind: Pod\napiVersion: v1\nmetadata: {name: ../../x}\nspec: {containers: [{name: a, image: i}]}\n",
           "kind: Pod\napiVersion: v1\nmetadata: {name: x, namespace: a/b}\nspec: {containers: [{name: a, image: i}]}\n",
           "kind: Pod\napiVersion: v1\nmetadata: {name: \"\xff\"}\nspec: {containers: [{name: a, image: i}]}\n",
           "kind: Service\napiVersion: v1\n",
           "kind: Pod\napiVersion: v1\nmetadata: {name: web}\n",
           "kind: Pod\napiVersion: v1\nspec: {containers: [{name: a, image: i}]}\n",
           "kind: Pod\napiVersion: v1\nmetadata: {name: web}\nspec: {containers: [{name: a, image: i}], "
           "volumes: [{name: v, secret: {secretName: s}}]}\n",
           "kind: Pod\napiVersion: v1\nmetadata: {name: web}\nspec: {serviceAccountName: x, "
           "containers: [{name: a, image: i}]}\n",
       }) {
    EXPECT_FALSE(StaticPodOf(bad, "node-a")) << bad;
  }
}

}  // namespace
}  // namespace sampan::node
