// Namespace: a deleted one stays, Terminating, until its finalizers are gone, which the namespace controller removes once
// the namespace is empty.
#include <array>

#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/strategies.h"

namespace sampan::apiserver {

namespace {

constexpr std::array<std::string_view, 3> kProtected = {"default", "kube-system", "kube-public"};

class NamespaceStrategy final : public Strategy {
 public:
  Traits traits() const override { return {.status = true}; }

  Result<void> PrepareForCreate(WriteContext&, json::Value& object) override {
    ObjectAt(object, "status")["phase"] = "Active";
    ObjectAt(object, "spec")["finalizers"] = json::Array{"kubernetes"};
    SetLabel(object);
    return {};
  }

  Result<void> PrepareForUpdate(WriteContext& context, json::Value& object, const json::Value& old) override {
    if (context.subresource == "finalize") {
      json::Value wanted = object;
      object = old;
      CopyMember(object, wanted, "spec");
    } else {
      CopyMember(object, old, "spec");
      SetLabel(object);
    }
    return {};
  }

  Result<void> CheckDelete(const WriteContext& context, const api::Object& object) override {
    for (std::string_view name : kProtected) {
      if (object.name() == name) {
        return Fail(ForbiddenError(*context.kind, name, "this namespace may not be deleted"));
      }
    }
    return {};
  }

  bool HeldBack(const json::Value& object) override {
    const json::Array* finalizers = FindArray(json::Find(object, "spec", "finalizers"));
    return finalizers != nullptr && !finalizers->empty();
  }

  void MarkDeleted(json::Value& object) override { ObjectAt(object, "status")["phase"] = "Terminating"; }

 private:
  // Here and not only in the defaults, because a generated name is known late.
  static void SetLabel(json::Value& object) {
    std::string name(NameOf(object));
    MetadataOf(object);
    ObjectAt(object.as_object()["metadata"], "labels")["kubernetes.io/metadata.name"] = name;
  }
};

}  // namespace

std::unique_ptr<Strategy> NewNamespaceStrategy() {
  return std::make_unique<NamespaceStrategy>();
}

}  // namespace sampan::apiserver
