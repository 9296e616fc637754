// Types of the schema as OpenAPI definitions. Internal to api/openapi.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "api/schema.h"
#include "codec/json.h"

namespace sampan::api::openapi {

enum class Dialect : unsigned char { kV2, kV3 };

// Hands out references to types and, at the end, the definitions of everything that was referred to. One document each.
class Schemas {
 public:
  Schemas(Dialect dialect, boost::json::storage_ptr storage) : dialect_(dialect), storage_(std::move(storage)) {}

  // The type is published as this kind.
  void NameKind(const Type& type, std::string_view group, std::string_view version, std::string_view kind);
  // {"$ref": ...} of a named type, or its schema inline.
  json::Value Reference(const Type& type);
  // name -> schema of all that is referred to, transitively.
  json::Object Definitions();

  Dialect dialect() const { return dialect_; }
  const boost::json::storage_ptr& storage() const { return storage_; }

 private:
  json::Value RefTo(std::string_view name);
  json::Value Property(const Field& field);
  json::Value Definition(const Type& type);
  json::Value NamedScalar(TypeKind kind);

  Dialect dialect_;
  boost::json::storage_ptr storage_;
  std::map<std::string_view, const Type*> wanted_;
  std::set<TypeKind> scalars_;
  std::map<const Type*, std::vector<json::Value>> kinds_;
};

// A pooled value of {"group","version","kind"}.
json::Value GroupVersionKind(std::string_view group, std::string_view version, std::string_view kind,
                             const boost::json::storage_ptr& storage);

}  // namespace sampan::api::openapi
