// What an authorization costs with the default roles.
#include <benchmark/benchmark.h>

#include "apiserver/auth/default_roles.h"

namespace sampan::apiserver::auth {
namespace {

void Authorize(benchmark::State& state, UserInfo user, std::string_view verb, std::string_view resource) {
  RbacIndex index;
  DefaultPolicy policy = MakeDefaultPolicy();
  for (const auto& role : policy.cluster_roles) index.SetRole("", role.metadata.name, role.rules);
  for (const auto& binding : policy.cluster_role_bindings) {
    index.SetBinding({"", binding.metadata.name, binding.subjects, binding.role_ref});
  }
  Attributes attributes{.user = &user,
                        .verb = verb,
                        .version = "v1",
                        .resource = resource,
                        .namespace_ = "default",
                        .name = "x",
                        .resource_request = true};
  for (auto _ : state) benchmark::DoNotOptimize(index.Authorize(attributes, RbacIndex::Detail::kNone));
}
BENCHMARK_CAPTURE(Authorize, scheduler_binds, UserInfo{"system:kube-scheduler", "", {"system:authenticated"}, {}}, "create",
                  "bindings");
BENCHMARK_CAPTURE(Authorize, stranger_refused, UserInfo{"bob", "", {"dev", "ops", "system:authenticated"}, {}}, "list",
                  "pods");

}  // namespace
}  // namespace sampan::apiserver::auth
