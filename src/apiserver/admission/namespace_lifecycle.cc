#include "api/types/core.h"
#include "apiserver/admission/admission.h"
#include "apiserver/errors.h"
#include "apiserver/registry/registry.h"

namespace sampan::apiserver {

namespace {

Error TerminatingError(const WriteContext& context) {
  ErrorDetails details;
  details.group = context.kind->group;
  details.kind = context.kind->resource;
  details.name = context.name;
  details.causes.push_back(
      {"NamespaceTerminating", fmt::format("namespace {} is being terminated", context.namespace_), "metadata.namespace"});
  return Error::Forbidden(
             "{} \"{}\" is forbidden: unable to create new content in namespace {} because it is being terminated",
             QualifiedResource(*context.kind), context.name, context.namespace_)
      .WithDetails(std::move(details));
}

class NamespaceLifecycle final : public Admission {
 public:
  Phases Concerns(const WriteContext& context) const override {
    bool makes = context.intent == Intent::kCreate && context.subresource.empty();
    return {.mutate = makes && context.kind->namespaced()};
  }

  Task<Result<void>> Mutate(WriteContext* context, json::Value*, const json::Value*) override {
    co_return CheckNamespace(*context);
  }

 private:
  static Result<void> CheckNamespace(const WriteContext& context) {
    api::ObjectPtr found = context.registry.Get<api::core::Namespace>("", context.namespace_);
    if (found == nullptr) {
      return Fail(NotFoundError(api::KindOf<api::core::Namespace>(), context.namespace_));
    }
    if (found->deleting()) return Fail(TerminatingError(context));
    return {};
  }
};

}  // namespace

std::unique_ptr<Admission> NewNamespaceLifecycle() {
  return std::make_unique<NamespaceLifecycle>();
}

}  // namespace sampan::apiserver
