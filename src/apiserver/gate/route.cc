#include "apiserver/gate/route.h"

#include <algorithm>

#include "apiserver/errors.h"
#include "apiserver/gate/handlers.h"

namespace sampan::apiserver {

namespace {

// Whether the path addresses the kind in the scope it has. Without this a right to everything in one namespace would
// open kinds of the whole cluster under /namespaces/<name>/.
bool ScopeFits(const api::KindInfo& kind, const RequestInfo& info) {
  // A list or watch over all namespaces may pin a name with its field selector.
  bool collection = info.name.empty() || info.fields.RequiredValue("metadata.name") != nullptr;
  if (kind.namespaced()) return !info.namespace_.empty() || collection;
  bool itself = info.resource == "namespaces" && kind.group.empty() && info.name == info.namespace_;
  return info.namespace_.empty() || itself;
}

const api::KindInfo::Subresource* FindSubresource(const api::KindInfo& kind, const std::string& name) {
  auto found = std::ranges::find(kind.subresources, name, &api::KindInfo::Subresource::name);
  return found == kind.subresources.end() ? nullptr : &*found;
}

// Which subresources read as their object.
bool ReadsAsObject(std::string_view subresource) {
  return subresource.empty() || subresource == "status" || subresource == "ephemeralcontainers" || subresource == "resize";
}

const api::KindInfo* ScaleKind() {
  return api::FindKind("autoscaling/v1", "Scale");
}

Handler ReadHandler(const RequestInfo& info) {
  if (info.verb == "list") return &HandleList;
  if (info.verb == "watch") return &HandleWatch;
  if (info.subresource == "scale") return &HandleGetScale;
  return ReadsAsObject(info.subresource) ? &HandleGet : nullptr;
}

// Kinds that are answered and not stored.
Result<Route> VirtualRoute(const Core& core, const std::string& key, Route route) {
  auto answerer = core.virtual_kinds.find(key);
  if (answerer == core.virtual_kinds.end() || route.body == nullptr) return Fail(MethodNotAllowedError());
  route.answerer = &answerer->second;
  route.handler = &HandleVirtual;
  return route;
}

Result<Route> CreateRoute(const Core& core, const RequestInfo& info, Route route) {
  if (route.resource == nullptr) {
    if (!info.group.empty() || info.resource != "bindings") {
      return VirtualRoute(core, info.group + "/" + info.resource, route);
    }
    route.resource = core.registry.Find("", "v1", "pods");
    route.handler = &HandleBind;
    return route;
  }
  if (info.subresource.empty()) {
    bool placed = !route.resource->kind->namespaced() || !info.namespace_.empty();
    if (!info.name.empty() || !placed) return Fail(MethodNotAllowedError());
    route.handler = &HandleCreate;
    return route;
  }
  if (info.resource == "serviceaccounts" && info.subresource == "token") {
    route.body = api::FindKind("authentication.k8s.io/v1", "TokenRequest");
    return VirtualRoute(core, "serviceaccounts/token", route);
  }
  if (info.resource == "pods" && info.subresource == "binding") {
    route.body = api::FindKind("v1", "Binding");
    route.handler = &HandleBind;
  }
  if (info.resource == "pods" && info.subresource == "eviction") {
    route.body = api::FindKind("policy/v1", "Eviction");
    route.handler = &HandleEvict;
  }
  if (route.handler == nullptr) return Fail(MethodNotAllowedError());
  return route;
}

// PUT and PATCH.
Handler ChangeHandler(const Route& route, const RequestInfo& info) {
  if (info.name.empty()) return nullptr;
  bool patch = info.verb == "patch";
  if (info.subresource.empty()) return patch ? &HandlePatch : &HandleUpdate;
  const api::KindInfo::Subresource* sub = FindSubresource(*route.resource->kind, info.subresource);
  if (sub == nullptr || std::ranges::find(sub->verbs, info.verb) == sub->verbs.end()) return nullptr;
  if (info.subresource == "scale") return patch ? &HandlePatchScale : &HandlePutScale;
  return patch ? &HandlePatch : &HandleUpdate;
}

Handler DeleteHandler(const Route& route, const RequestInfo& info) {
  if (info.verb == "delete") return info.subresource.empty() ? &HandleDelete : nullptr;
  const api::KindInfo& kind = route.kind();
  bool offered = std::ranges::find(kind.verbs, "deletecollection") != kind.verbs.end();
  return offered && (!kind.namespaced() || !info.namespace_.empty()) ? &HandleDeleteCollection : nullptr;
}

Handler HandlerOf(const Route& route, const RequestInfo& info) {
  if (route.resource == nullptr) return nullptr;
  if (info.verb == "get" || info.verb == "list" || info.verb == "watch") return ReadHandler(info);
  if (info.verb == "update" || info.verb == "patch") return ChangeHandler(route, info);
  if (info.verb == "delete" || info.verb == "deletecollection") return DeleteHandler(route, info);
  return nullptr;
}

}  // namespace

bool AsksForAddedKinds(const RequestInfo& info) {
  return info.verb == "list" && info.resource == "customresourcedefinitions" && info.group == "apiextensions.k8s.io" &&
         info.version == "v1";
}

bool IsConnect(const RequestInfo& info) {
  if (info.subresource == "proxy") {
    return info.resource == "pods" || info.resource == "services" || info.resource == "nodes";
  }
  return info.resource == "pods" && (info.subresource == "log" || info.subresource == "exec" ||
                                     info.subresource == "attach" || info.subresource == "portforward");
}

Result<Route> FindRoute(const Core& core, const RequestInfo& info) {
  if (AsksForAddedKinds(info)) return Route{};
  const api::KindInfo* kind = api::FindResource(info.group, info.version, info.resource);
  bool exists = kind != nullptr && ScopeFits(*kind, info) &&
                (info.subresource.empty() || FindSubresource(*kind, info.subresource) != nullptr);
  if (!exists) return Fail(UnknownResourceError());
  Route route;
  route.view = FindView(*kind);
  route.resource = core.registry.Find(route.view == nullptr ? *kind : *route.view->stored);
  route.body = info.subresource == "scale" ? ScaleKind() : kind;
  if (route.resource != nullptr && IsConnect(info)) return route;
  if (info.verb == "create") return CreateRoute(core, info, route);
  route.handler = HandlerOf(route, info);
  if (route.handler == nullptr) return Fail(MethodNotAllowedError());
  return route;
}

}  // namespace sampan::apiserver
