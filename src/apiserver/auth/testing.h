// Stand-ins for authentication and authorization in tests.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "apiserver/auth/auth.h"
#include "apiserver/auth/lookup.h"
#include "base/check.h"

namespace sampan::apiserver::auth {

// Objects of the core group, added as JSON.
class FakeLookup final : public Lookup {
 public:
  void Add(std::string_view resource, std::string json) {
    Result<api::ObjectPtr> object = api::Object::FromBytes(std::move(json));
    CHECK(object.has_value());
    objects_[KeyOf(resource, (*object)->namespace_(), (*object)->name())] = *object;
  }
  void Remove(std::string_view resource, std::string_view namespace_, std::string_view name) {
    objects_.erase(KeyOf(resource, namespace_, name));
  }
  api::ObjectPtr Get(std::string_view resource, std::string_view namespace_, std::string_view name) const override {
    auto found = objects_.find(KeyOf(resource, namespace_, name));
    return found == objects_.end() ? nullptr : found->second;
  }
  store::ObjectView PodsOnNode(std::string_view node) const override {
    store::SortedObjects pods;
    for (const auto& [key, object] : objects_) {
      if (key.starts_with("pods/") && store::StringAt(object->bytes(), "spec.nodeName") == node) pods.Put(object);
    }
    return pods.Snapshot();
  }

 private:
  static std::string KeyOf(std::string_view resource, std::string_view namespace_, std::string_view name) {
    return fmt::format("{}/{}/{}", resource, namespace_, name);
  }
  std::map<std::string, api::ObjectPtr> objects_;
};

class AllowVerbs final : public Authorizer {
 public:
  explicit AllowVerbs(std::vector<std::string> verbs) : verbs_(std::move(verbs)) {}
  Decision Authorize(const Attributes& attributes) const override {
    return {std::ranges::find(verbs_, attributes.verb) != verbs_.end(), ""};
  }

 private:
  std::vector<std::string> verbs_;
};

// Allows to impersonate "resource[/subresource] name".
class AllowImpersonation final : public Authorizer {
 public:
  explicit AllowImpersonation(std::vector<std::string> allowed) : allowed_(std::move(allowed)) {}
  Decision Authorize(const Attributes& a) const override {
    std::string wanted(a.resource);
    if (!a.subresource.empty()) wanted.append("/").append(a.subresource);
    wanted.append(" ").append(a.name);
    return {a.verb == "impersonate" && std::ranges::find(allowed_, wanted) != allowed_.end(), ""};
  }

 private:
  std::vector<std::string> allowed_;
};

}  // namespace sampan::apiserver::auth
