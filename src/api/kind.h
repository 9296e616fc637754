// What the machinery knows of a kind. Built-in kinds are declared in api/schema and generated into constants; a custom
// resource gets the same record at run time.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sampan::api {

struct Type;  // api/schema.h

enum class Scope : unsigned char { kCluster, kNamespaced };

struct KindInfo {
  std::string group;     // "" for core
  std::string version;   // "v1"
  std::string kind;      // "Pod"
  std::string resource;  // "pods"
  std::string singular;  // "pod"
  Scope scope = Scope::kNamespaced;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<std::string> verbs;
  struct Subresource {
    std::string name;  // "status"
    std::string group, version, kind;
    std::vector<std::string> verbs;
  };
  std::vector<Subresource> subresources;
  // Paths that field selectors may use besides metadata.name and metadata.namespace: "status.phase".
  std::vector<std::string> selectable_fields;
  struct Column {  // of `kubectl get`, as additionalPrinterColumns
    std::string name, type, format, path;
    int priority = 0;  // above 0: only in wide output
  };
  std::vector<Column> columns;
  const Type* type = nullptr;

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  bool namespaced() const { return scope == Scope::kNamespaced; }
};

// The kind of a generated struct: KindOf<core::Pod>().
template <class T>
const KindInfo& KindOf();

// All built-in served kinds, stored or virtual, and look-ups among them; null when absent. FindKind also knows the kinds
// that are only bodies (Scale, Eviction, TokenRequest, DeleteOptions, Status): their `resource` is empty, and they are not
// among BuiltinKinds.
std::span<const KindInfo* const> BuiltinKinds();
const KindInfo* FindKind(std::string_view api_version, std::string_view kind);
const KindInfo* FindResource(std::string_view group, std::string_view version, std::string_view resource);

}  // namespace sampan::api
