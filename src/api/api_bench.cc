// The steps of an object's path: decode a body, read a stored object's head, decode its struct, transcode it.
#include <benchmark/benchmark.h>

#include "api/decode.h"
#include "api/meta/label_selector.h"
#include "api/meta/quantity.h"
#include "api/object.h"
#include "api/protobuf.h"
#include "api/types/core.h"

namespace sampan::api {
namespace {

constexpr std::string_view kPod =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-6d4cf56db6-abcde","namespace":"default",)"
    R"("uid":"5d0f2b9e-6e0f-4a8e-9a8f-0123456789ab","resourceVersion":"4711","creationTimestamp":"2026-01-02T03:04:05Z",)"
    R"("labels":{"app":"web","pod-template-hash":"6d4cf56db6"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet",)"
    R"("name":"web-6d4cf56db6","uid":"1d0f2b9e-6e0f-4a8e-9a8f-0123456789ab","controller":true,"blockOwnerDeletion":true}]},)"
    R"("spec":{"volumes":[{"name":"token","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}}],)"
    R"("defaultMode":420}}],"containers":[{"name":"web","image":"nginx:1.27","ports":[{"containerPort":80,"protocol":"TCP"}],)"
    R"("env":[{"name":"A","value":"1"},{"name":"B","valueFrom":{"configMapKeyRef":{"name":"c","key":"k"}}}],)"
    R"("resources":{"limits":{"cpu":"500m","memory":"128Mi"},"requests":{"cpu":"250m","memory":"64Mi"}},)"
    R"("volumeMounts":[{"name":"token","readOnly":true,"mountPath":"/var/run/secrets"}],"readinessProbe":{"httpGet":{"path":"/",)"
    R"("port":80,"scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},)"
    R"("terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}],)"
    R"("restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"default",)"
    R"("nodeName":"n1","securityContext":{},"schedulerName":"default-scheduler"},"status":{"phase":"Running","podIP":"10.244.0.7"}})";

void BM_DecodeBody(benchmark::State& state) {
  const KindInfo& kind = *FindKind("v1", "Pod");
  DecodeOptions options;
  options.strictness = Strictness::kStrict;
  for (auto _ : state) benchmark::DoNotOptimize(DecodeBody(kind, kPod, options));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kPod.size()));
}
BENCHMARK(BM_DecodeBody);

void BM_ObjectFromBytes(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Object::FromBytes(std::string(kPod)));
}
BENCHMARK(BM_ObjectFromBytes);

void BM_DecodePod(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(FromJsonText<core::Pod>(kPod));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kPod.size()));
}
BENCHMARK(BM_DecodePod);

void BM_EncodePod(benchmark::State& state) {
  auto pod = *FromJsonText<core::Pod>(kPod);
  for (auto _ : state) benchmark::DoNotOptimize(ToJsonText(pod));
}
BENCHMARK(BM_EncodePod);

void BM_ToProtobuf(benchmark::State& state) {
  json::Value value = *json::Parse(kPod);
  const Type& type = *FindKind("v1", "Pod")->type;
  for (auto _ : state) benchmark::DoNotOptimize(ToProtobuf(type, value));
}
BENCHMARK(BM_ToProtobuf);

void BM_FromProtobuf(benchmark::State& state) {
  const Type& type = *FindKind("v1", "Pod")->type;
  std::string wire = ToProtobuf(type, *json::Parse(kPod));
  for (auto _ : state) {
    auto body = OpenProtobuf(wire);
    benchmark::DoNotOptimize(FromProtobuf(type, *body));
  }
}
BENCHMARK(BM_FromProtobuf);

void BM_QuantityParseFormat(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Quantity::Parse("1536Mi")->ToString());
}
BENCHMARK(BM_QuantityParseFormat);

void BM_LabelSelectorMatches(benchmark::State& state) {
  auto selector = *LabelSelector::Parse("app=web,tier in (a,b),!canary");
  StringMap labels{{"app", "web"}, {"tier", "b"}, {"version", "3"}};
  for (auto _ : state) benchmark::DoNotOptimize(selector.Matches(labels));
}
BENCHMARK(BM_LabelSelectorMatches);

}  // namespace
}  // namespace sampan::api
