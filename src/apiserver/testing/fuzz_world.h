// The cluster that fuzzed requests meet: its objects, its users, and what these may see and do, told by their effects and
// not by the authorizer's own words.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "apiserver/testing/request_program.h"
#include "codec/base64.h"
#include "store/keys.h"
#include "store/store.h"

namespace sampan::apiserver {

struct FuzzCaller {
  std::string_view name, user, group;
};
inline constexpr FuzzCaller kFuzzCallers[] = {
    {"admin", "root", "system:masters"},
    {"guest", "guest", ""},        // no role at all
    {"reader", "reader", ""},      // "view" everywhere
    {"narrow", "narrow", ""},      // reads the config maps of default, patches "a"
    {"editor", "editor", ""},      // "edit" in default
    {"delegate", "delegate", ""},  // "admin" in default
    {"node", "system:node:n1", "system:nodes"},
};
// Null for whom nobody knows: the anonymous.
inline const FuzzCaller* FindFuzzCaller(std::string_view name) {
  const auto* found = std::ranges::find(kFuzzCallers, name, &FuzzCaller::name);
  return found == std::end(kFuzzCallers) ? nullptr : found;
}

// Texts that stand in objects of one sort only: who may not read these, never sees them.
inline constexpr std::string_view kVaultSecret = "fzVAULTsecretA7";
inline constexpr std::string_view kVaultText = "fzVAULTtextB8bb";
inline constexpr std::string_view kHomeSecret = "fzHOMEsecretC9c";
inline constexpr std::string_view kHomeText = "fzHOMEtextD0ddd";

inline Program FuzzWorldObjects() {
  const std::string secret = R"({"metadata":{"name":"hidden"},"data":{"k":")";
  auto text = [](std::string_view name, std::string_view canary) {
    return fmt::format(R"({{"metadata":{{"name":"{}","annotations":{{"x/y":"{}"}}}},"data":{{"k":"{}"}}}})", name, canary,
                       canary);
  };
  auto pod = [](std::string_view name, std::string_view node) {
    return fmt::format(
        R"({{"metadata":{{"name":"{}"}},"spec":{{"nodeName":"{}","containers":[{{"name":"c","image":"i"}}]}}}})", name,
        node);
  };
  auto binding = [](std::string_view user, std::string_view kind, std::string_view role) {
    return fmt::format(
        R"({{"metadata":{{"name":"{}"}},"roleRef":{{"apiGroup":"rbac.authorization.k8s.io","kind":"{}",)"
        R"("name":"{}"}},"subjects":[{{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"{}"}}]}})",
        user, kind, role, user);
  };
  const std::string home = "/api/v1/namespaces/default/", vault = "/api/v1/namespaces/vault/";
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/", roles = rbac + "namespaces/default/";
  const std::vector<std::pair<std::string, std::string>> made = {
      {"/api/v1/namespaces", R"({"metadata":{"name":"vault"}})"},
      {home + "serviceaccounts", R"({"metadata":{"name":"default"}})"},
      {home + "serviceaccounts", R"({"metadata":{"name":"robot"}})"},
      {vault + "serviceaccounts", R"({"metadata":{"name":"default"}})"},
      {vault + "secrets", secret + base64::Encode(kVaultSecret) + "\"}}"},
      {vault + "configmaps", text("hidden", kVaultText)},
      {home + "secrets", secret + base64::Encode(kHomeSecret) + "\"}}"},
      {home + "configmaps", text("a", "open")},
      {home + "configmaps", text("hidden", kHomeText)},
      {"/api/v1/nodes", R"({"metadata":{"name":"n1"}})"},
      {"/api/v1/nodes", R"({"metadata":{"name":"n2"}})"},
      {home + "pods", pod("mine", "n1")},
      {home + "pods", pod("theirs", "n2")},
      {home + "services", R"({"metadata":{"name":"web"},"spec":{"selector":{"a":"b"},"ports":[{"port":80}]}})"},
      {"/apis/apps/v1/namespaces/default/deployments",
       R"({"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},)"
       R"("spec":{"containers":[{"name":"c","image":"i"}]}}}})"},
      {"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", R"({"metadata":{"name":"n1"}})"},
      {roles + "roles", R"({"metadata":{"name":"narrow"},"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":)"
                        R"(["get","list","watch"]},{"apiGroups":[""],"resources":["configmaps"],"resourceNames":["a"],)"
                        R"("verbs":["patch"]}]})"},
      {roles + "rolebindings", binding("narrow", "Role", "narrow")},
      {roles + "rolebindings", binding("editor", "ClusterRole", "edit")},
      {roles + "rolebindings", binding("delegate", "ClusterRole", "admin")},
      {rbac + "clusterrolebindings", binding("reader", "ClusterRole", "view")}};
  Program program;
  for (const auto& [path, body] : made) program.push_back({"admin", "POST", path, {}, body});
  return program;
}

// Where an object is, read from its key.
struct FuzzPlace {
  const api::KindInfo* kind = nullptr;
  std::string namespace_, name;
};
inline std::optional<FuzzPlace> PlaceOfKey(std::string_view key) {
  for (const api::KindInfo* kind : api::BuiltinKinds()) {
    const std::string prefix = store::keys::ResourcePrefix(kind->group, kind->resource);
    const auto id = store::keys::ParseObject(key, prefix);
    if (id && kind->namespaced() == !id->namespace_.empty()) {
      return FuzzPlace{kind, std::string(id->namespace_), std::string(id->name)};
    }
  }
  return std::nullopt;
}

// What one program has changed of what the users may do.
class FuzzModel {
 public:
  // Why the caller may not have been told `body`; nothing when it may.
  std::optional<std::string_view> Leak(std::string_view caller, std::string_view body) const {
    if (caller == "admin" || admin_changed_rights_) return std::nullopt;
    const bool home = (caller == "editor" || caller == "delegate") || home_is_open_;
    const bool pods = caller == "node" && pods_changed_;
    if (!pods && Holds(body, kVaultSecret)) return "a secret of another namespace";
    if (!pods && caller != "reader" && Holds(body, kVaultText)) return "an object of another namespace";
    if (!pods && !home && Holds(body, kHomeSecret)) return "a secret";
    if (!pods && !home && caller != "reader" && caller != "narrow" && Holds(body, kHomeText)) return "an object";
    return std::nullopt;
  }

  bool MayChange(std::string_view caller, const FuzzPlace& place) const {
    if (caller == "admin" || admin_changed_rights_) return true;
    if (caller == "node") return MayNodeChange(place);
    if (place.namespace_ != "default") return false;
    if (home_is_open_ || caller == "editor" || caller == "delegate") return true;
    return caller == "narrow" && place.kind->resource == "configmaps" && place.name == "a";
  }

  // After an allowed change.
  void Note(std::string_view caller, const FuzzPlace& place) {
    const std::string& resource = place.kind->resource;
    if (place.kind->group == "rbac.authorization.k8s.io") (caller == "admin" ? admin_changed_rights_ : home_is_open_) = true;
    if (resource == "pods") pods_changed_ = true;
    for (std::string_view reached : {"pods", "nodes", "services", "endpoints", "endpointslices"}) {
      reaches_out_ = reaches_out_ || resource == reached;
    }
  }
  // Whether connections to what objects name could lead out of this process.
  bool reaches_out() const { return reaches_out_; }

 private:
  static bool Holds(std::string_view body, std::string_view canary) {
    return body.contains(canary) || body.contains(base64::Encode(canary));
  }
  static bool MayNodeChange(const FuzzPlace& place) {
    const std::string& resource = place.kind->resource;
    if (resource == "nodes" || resource == "csinodes") return place.name == "n1";
    if (resource == "leases") return place.namespace_ == "kube-node-lease" && place.name == "n1";
    if (resource == "pods") return place.name != "theirs";
    return resource == "events" || resource == "certificatesigningrequests";
  }

  bool admin_changed_rights_ = false;
  bool home_is_open_ = false;  // its administrator gave rights away
  bool pods_changed_ = false;  // a node sees what its pods use
  bool reaches_out_ = false;
};

}  // namespace sampan::apiserver
