#include "api/types/core.h"
#include "apiserver/admission/admission.h"
#include "apiserver/errors.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";
// Labels by which administrators keep workloads off nodes that might be lying about themselves.
constexpr std::string_view kRestrictedLabels = "node-restriction.kubernetes.io/";

Error Refused(const WriteContext& context, std::string_view name, std::string why) {
  return ForbiddenError(*context.kind, name, why);
}

std::string RestrictedLabelsOf(const json::Value* object) {
  std::string found;
  const json::Value* labels = object == nullptr ? nullptr : json::Find(*object, "metadata", "labels");
  if (labels == nullptr || !labels->is_object()) return found;
  for (const auto& [key, value] : labels->as_object()) {
    std::string_view prefix = std::string_view(key).substr(0, std::string_view(key).find('/') + 1);
    if (!prefix.ends_with(kRestrictedLabels)) continue;
    found.append(key).append("=").append(json::FindString(&value)).append(",");
  }
  return found;
}

// The authorizer has limited a node to its own name where the path has one; here is what only the object tells.
class NodeRestriction final : public Admission {
 public:
  Result<void> Admit(WriteContext& context, json::Value& object, const json::Value* old) override {
    std::string_view node = context.user.name;
    if (!node.starts_with(auth::kNodeUserPrefix) || !context.user.InGroup(auth::kNodesGroup)) return {};
    node.remove_prefix(auth::kNodeUserPrefix.size());
    if (context.kind == &api::KindOf<api::core::Node>()) return CheckNode(context, object, old, node);
    if (context.kind == &api::KindOf<api::core::Pod>() && old == nullptr) return CheckPod(context, object, node);
    return {};
  }

 private:
  static Result<void> CheckNode(const WriteContext& context, const json::Value& object, const json::Value* old,
                                std::string_view node) {
    const std::string_view name = json::FindString(json::Find(object, "metadata", "name"));
    if (name != node) {
      return Fail(Refused(context, name, fmt::format("node \"{}\" is not allowed to modify node \"{}\"", node, name)));
    }
    if (RestrictedLabelsOf(&object) != RestrictedLabelsOf(old)) {
      return Fail(Refused(context, name,
                          fmt::format("is not allowed to modify labels: labels with the prefix {}", kRestrictedLabels)));
    }
    return {};
  }

  static Result<void> CheckPod(const WriteContext& context, const json::Value& object, std::string_view node) {
    const std::string_view name = json::FindString(json::Find(object, "metadata", "name"));
    if (json::Find(object, "metadata", "annotations", kMirrorAnnotation) == nullptr) {
      return Fail(Refused(context, name,
                          fmt::format("pod does not have \"{}\" annotation, node \"{}\" can only create mirror pods",
                                      kMirrorAnnotation, node)));
    }
    if (json::FindString(json::Find(object, "spec", "nodeName")) != node) {
      return Fail(
          Refused(context, name, fmt::format("node \"{}\" can only create pods with spec.nodeName set to itself", node)));
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<Admission> NewNodeRestriction() {
  return std::make_unique<NodeRestriction>();
}

}  // namespace sampan::apiserver
