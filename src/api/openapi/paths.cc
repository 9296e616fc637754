#include "api/openapi/paths.h"

namespace sampan::api::openapi {
namespace {

using boost::json::string_view;

struct Parameter {
  std::string_view name;
  std::string_view type;  // string, boolean, integer
  std::string_view description;
};

constexpr Parameter kPretty = {"pretty", "string", "If 'true', the answer is indented."};
constexpr Parameter kWrite[] = {
    {"dryRun", "string", "'All' runs every stage but the last: nothing is stored."},
    {"fieldManager", "string", "The name under which the changed fields are owned."},
    {"fieldValidation", "string", "What becomes of unknown and duplicate fields: Ignore, Warn or Strict."},
};
constexpr Parameter kForce = {"force", "boolean", "Takes over fields that others own; for apply patches only."};
constexpr Parameter kDelete[] = {
    {"dryRun", "string", "'All' runs every stage but the last: nothing is deleted."},
    {"gracePeriodSeconds", "integer", "Seconds before the object is deleted; 0 at once."},
    {"orphanDependents", "boolean", "Deprecated: use propagationPolicy."},
    {"propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground."},
};
constexpr Parameter kList[] = {
    {"allowWatchBookmarks", "boolean", "The watch may send BOOKMARK events."},
    {"continue", "string", "The token of the page before."},
    {"fieldSelector", "string", "Selects objects by their fields."},
    {"labelSelector", "string", "Selects objects by their labels."},
    {"limit", "integer", "The most objects that one page may have."},
    {"resourceVersion", "string", "The version to read at or to watch from."},
    {"resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."},
    {"sendInitialEvents", "boolean", "The watch begins with the objects there are."},
    {"timeoutSeconds", "integer", "Ends the list or watch after so many seconds."},
    {"watch", "boolean", "Watches for changes instead of listing."},
};

// One HTTP method of a path.
struct Verb {
  std::string_view verb;  // as in discovery
  std::string_view method;
  std::string_view action;  // x-kubernetes-action
  bool has_body;
};
constexpr Verb kCollectionVerbs[] = {{"list", "get", "list", false},
                                     {"create", "post", "post", true},
                                     {"deletecollection", "delete", "deletecollection", true}};
constexpr Verb kItemVerbs[] = {{"get", "get", "get", false},
                               {"update", "put", "put", true},
                               {"patch", "patch", "patch", true},
                               {"delete", "delete", "delete", true}};
constexpr Verb kSubresourceVerbs[] = {{"get", "get", "get", false},
                                      {"update", "put", "put", true},
                                      {"patch", "patch", "patch", true},
                                      {"create", "post", "post", true}};

constexpr std::string_view kPatchTypes[] = {"application/json-patch+json", "application/merge-patch+json",
                                            "application/strategic-merge-patch+json", "application/apply-patch+yaml"};

enum class Target : unsigned char { kCollection, kItem, kSubresource };

// What one path speaks of.
struct Resource {
  const KindInfo& kind;
  std::string group, version, name;  // of the body's kind
  const Type* body = nullptr;        // null: plain text
  std::string subresource;
  Target target = Target::kItem;
  bool namespaced = false;
};

std::string Capitalized(std::string_view text) {
  std::string out;
  bool upper = true;
  for (char c : text) {
    if (c == '.' || c == '-') {
      upper = true;
    } else {
      out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
      upper = false;
    }
  }
  return out;
}

std::string OperationId(const Resource& resource, const Verb& verb) {
  std::string_view word = verb.verb == "update"             ? "replace"
                          : verb.verb == "get"              ? "read"
                          : verb.verb == "deletecollection" ? "deleteCollection"
                                                            : verb.verb;
  std::string_view group = resource.kind.group.empty() ? "core" : std::string_view(resource.kind.group);
  return fmt::format("{}{}{}{}{}{}", word, Capitalized(group.substr(0, group.find(".k8s.io"))),
                     Capitalized(resource.kind.version), resource.namespaced ? "Namespaced" : "", resource.kind.kind,
                     Capitalized(resource.subresource));
}

class Operations {
 public:
  Operations(Schemas& schemas) : schemas_(schemas), v2_(schemas.dialect() == Dialect::kV2) {}

  json::Value Make(const Resource& resource, const Verb& verb) {
    json::Object operation(storage());
    operation.emplace("description", fmt::format("{} {}", verb.verb, resource.kind.kind));
    operation.emplace("operationId", OperationId(resource, verb));
    if (v2_) {
      operation.emplace("consumes", verb.verb == "patch" ? Texts(kPatchTypes) : Texts(std::array{std::string_view("*/*")}));
      operation.emplace("produces", Texts(std::array<std::string_view, 3>{"application/json", "application/yaml",
                                                                          "application/vnd.kubernetes.protobuf"}));
    }
    json::Array parameters(storage());
    if (verb.has_body && v2_) parameters.push_back(Body(resource, verb));
    for (const Parameter& parameter : QueryOf(verb)) parameters.push_back(Query(parameter));
    operation.emplace("parameters", std::move(parameters));
    if (verb.has_body && !v2_) operation.emplace("requestBody", Content(BodySchema(resource, verb), verb));
    operation.emplace("responses", Responses(resource, verb));
    operation.emplace("x-kubernetes-action", string_view(verb.action));
    operation.emplace("x-kubernetes-group-version-kind",
                      GroupVersionKind(resource.group, resource.version, resource.name, storage()));
    return operation;
  }

  json::Value PathParameter(std::string_view name, std::string_view description) {
    json::Object parameter(storage());
    parameter.emplace("name", string_view(name));
    parameter.emplace("in", "path");
    parameter.emplace("required", true);
    parameter.emplace("description", string_view(description));
    AddType(parameter, "string");
    return parameter;
  }

 private:
  const boost::json::storage_ptr& storage() const { return schemas_.storage(); }

  template <class Range>
  json::Value Texts(const Range& texts) {
    json::Array array(storage());
    for (std::string_view text : texts) array.emplace_back(string_view(text));
    return array;
  }

  static std::vector<Parameter> QueryOf(const Verb& verb) {
    std::vector<Parameter> parameters = {kPretty};
    auto add = [&](std::span<const Parameter> more) { parameters.insert(parameters.end(), more.begin(), more.end()); };
    if (verb.verb == "list" || verb.verb == "deletecollection") add(kList);
    if (verb.verb == "delete" || verb.verb == "deletecollection") add(kDelete);
    if (verb.verb == "create" || verb.verb == "update" || verb.verb == "patch") add(kWrite);
    if (verb.verb == "patch") parameters.push_back(kForce);
    return parameters;
  }

  void AddType(json::Object& parameter, std::string_view type) {
    if (v2_) {
      parameter.emplace("type", string_view(type));
      parameter.emplace("uniqueItems", true);
      return;
    }
    parameter.emplace("schema", json::Object({{"type", string_view(type)}, {"uniqueItems", true}}, storage()));
  }

  json::Value Query(const Parameter& query) {
    json::Object parameter(storage());
    parameter.emplace("name", string_view(query.name));
    parameter.emplace("in", "query");
    parameter.emplace("description", string_view(query.description));
    AddType(parameter, query.type);
    return parameter;
  }

  json::Value Named(std::string_view type_name) {
    const Type* type = FindType(type_name);
    return type == nullptr ? json::Value(boost::json::object_kind, storage()) : schemas_.Reference(*type);
  }

  json::Value Plain() { return json::Object({{"type", "string"}}, storage()); }

  json::Value BodySchema(const Resource& resource, const Verb& verb) {
    if (verb.verb == "patch") return Named("io.k8s.apimachinery.pkg.apis.meta.v1.Patch");
    if (verb.method == "delete") return Named("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
    return resource.body == nullptr ? Plain() : schemas_.Reference(*resource.body);
  }

  json::Value AnswerSchema(const Resource& resource, const Verb& verb) {
    if (verb.method == "delete") return Named("io.k8s.apimachinery.pkg.apis.meta.v1.Status");
    if (resource.body == nullptr) return Plain();
    if (verb.verb == "list") {
      if (const Type* list = FindType(fmt::format("{}List", resource.body->name))) return schemas_.Reference(*list);
    }
    return schemas_.Reference(*resource.body);
  }

  json::Value Body(const Resource& resource, const Verb& verb) {
    json::Object body(storage());
    body.emplace("name", "body");
    body.emplace("in", "body");
    if (verb.method != "delete") body.emplace("required", true);
    body.emplace("schema", BodySchema(resource, verb));
    return body;
  }

  // requestBody and a response's content in v3.
  json::Value Content(json::Value schema, const Verb& verb) {
    json::Object content(storage());
    auto add = [&](std::string_view type) {
      json::Object media(storage());
      media.emplace("schema", schema);
      content.emplace(string_view(type), std::move(media));
    };
    if (verb.verb == "patch") {
      for (std::string_view type : kPatchTypes) add(type);
    } else {
      add("*/*");
    }
    json::Object body(storage());
    body.emplace("content", std::move(content));
    return body;
  }

  json::Value Responses(const Resource& resource, const Verb& verb) {
    json::Object ok(storage());
    ok.emplace("description", "OK");
    json::Value schema = AnswerSchema(resource, verb);
    if (v2_) {
      ok.emplace("schema", std::move(schema));
    } else {
      json::Object content(storage());
      for (std::string_view type : {"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"}) {
        json::Object media(storage());
        media.emplace("schema", schema);
        content.emplace(string_view(type), std::move(media));
      }
      ok.emplace("content", std::move(content));
    }
    json::Object responses(storage());
    responses.emplace("200", std::move(ok));
    responses.emplace("401", json::Object({{"description", "Unauthorized"}}, storage()));
    return responses;
  }

  Schemas& schemas_;
  bool v2_;
};

bool Has(const std::vector<std::string>& verbs, std::string_view verb) {
  return std::ranges::find(verbs, verb) != verbs.end();
}

void AddPath(const std::string& path, const Resource& resource, std::span<const Verb> verbs,
             const std::vector<std::string>& served, Schemas& schemas, json::Object& paths) {
  Operations operations(schemas);
  json::Object item(schemas.storage());
  for (const Verb& verb : verbs) {
    if (Has(served, verb.verb)) item.emplace(string_view(verb.method), operations.Make(resource, verb));
  }
  if (item.empty()) return;
  json::Array parameters(schemas.storage());
  if (resource.target != Target::kCollection) parameters.push_back(operations.PathParameter("name", "The object's name."));
  if (resource.namespaced) parameters.push_back(operations.PathParameter("namespace", "The object's namespace."));
  item.emplace("parameters", std::move(parameters));
  paths.emplace(path, std::move(item));
}

const Type* BodyType(const KindInfo& kind, const KindInfo::Subresource& sub, Resource& resource) {
  resource.group = sub.version.empty() ? kind.group : sub.group;
  resource.version = sub.version.empty() ? kind.version : sub.version;
  resource.name = sub.kind.empty() ? kind.kind : sub.kind;
  if (resource.name == kind.kind && resource.group == kind.group) return kind.type;
  std::string api_version = resource.group.empty() ? resource.version : resource.group + "/" + resource.version;
  const KindInfo* info = FindKind(api_version, resource.name);
  if (info == nullptr || info->type == nullptr) return nullptr;
  return info->type;
}

}  // namespace

void AddPaths(const KindInfo& kind, Schemas& schemas, json::Object& paths) {
  if (kind.resource.empty() || kind.type == nullptr) return;
  std::string base = kind.group.empty() ? fmt::format("/api/{}", kind.version) : fmt::format("/apis/{}", kind.ApiVersion());
  std::string all = fmt::format("{}/{}", base, kind.resource);
  std::string collection = kind.namespaced() ? fmt::format("{}/namespaces/{{namespace}}/{}", base, kind.resource) : all;
  Resource resource{.kind = kind,
                    .group = kind.group,
                    .version = kind.version,
                    .name = kind.kind,
                    .body = kind.type,
                    .subresource = {},
                    .target = Target::kCollection,
                    .namespaced = kind.namespaced()};
  AddPath(collection, resource, kCollectionVerbs, kind.verbs, schemas, paths);
  if (kind.namespaced()) {
    Resource everywhere = resource;
    everywhere.namespaced = false;
    AddPath(all, everywhere, std::span(kCollectionVerbs).first(1), kind.verbs, schemas, paths);
  }
  resource.target = Target::kItem;
  AddPath(collection + "/{name}", resource, kItemVerbs, kind.verbs, schemas, paths);
  for (const KindInfo::Subresource& sub : kind.subresources) {
    Resource below = resource;
    below.target = Target::kSubresource;
    below.subresource = sub.name;
    below.body = BodyType(kind, sub, below);
    AddPath(fmt::format("{}/{{name}}/{}", collection, sub.name), below, kSubresourceVerbs, sub.verbs, schemas, paths);
  }
}

}  // namespace sampan::api::openapi
