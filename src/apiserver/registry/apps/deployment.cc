// Deployment: its annotations are handed on to its ReplicaSets, so that a change of them counts as one of the spec.
#include "apiserver/registry/fields.h"
#include "apiserver/registry/strategies.h"

namespace sampan::apiserver {

namespace {

// Without the revision, which its controller notes and nobody wishes for.
json::Value WishedAnnotations(const json::Value& object) {
  const json::Value* annotations = json::Find(object, "metadata", "annotations");
  json::Object wished = annotations != nullptr && annotations->is_object() ? annotations->get_object() : json::Object();
  wished.erase("deployment.kubernetes.io/revision");
  return wished;
}

class DeploymentStrategy final : public Strategy {
 public:
  Traits traits() const override { return {.generation = true, .status = true}; }

  Result<void> PrepareForUpdate(WriteContext& context, json::Value& object, const json::Value& old) override {
    json::Object& metadata = MetadataOf(object);
    const json::Value* old_metadata = json::Find(old, "metadata");
    if (context.subresource == "status" && old_metadata != nullptr) {
      CopyMember(object.as_object()["metadata"], *old_metadata, "labels");
    } else if (old_metadata != nullptr && !json::Equal(WishedAnnotations(object), WishedAnnotations(old))) {
      metadata["generation"] = FindInt(json::Find(*old_metadata, "generation")).value_or(0) + 1;
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<Strategy> NewDeploymentStrategy() {
  return std::make_unique<DeploymentStrategy>();
}

}  // namespace sampan::apiserver
