// The run-time type graph: what every machinery (decode, prune, default, merge, apply, validate, OpenAPI, protobuf) walks.
// Built-in types are static tables generated from api/schema/*.json; a custom resource builds the same structs at run time
// (OwnedTypes keeps their storage). Everything here is immutable once published, and so thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sampan::api {

enum class TypeKind : uint8_t {
  kString,
  kBytes,  // base64 text in JSON
  kBool,
  kInt32,
  kInt64,
  kDouble,
  kTime,         // RFC 3339, seconds
  kMicroTime,    // RFC 3339, microseconds
  kDuration,     // Go's "1h30m"
  kQuantity,     // string or number in JSON; canonical string once decoded
  kIntOrString,  // int32 or string
  kList,         // element
  kMap,          // string keys; element
  kObject,       // fields
  kAny,          // any JSON value, kept as it is (runtime.RawExtension, apiextensions.JSON)
  kFieldsV1,     // managedFields' set of paths: a JSON object, kept as it is
};

enum class ListType : uint8_t { kAtomic, kSet, kMap };  // how server-side apply merges a list

struct Type;

struct Field {
  std::string_view name;  // as in JSON
  const Type* type = nullptr;
  std::string_view default_json;     // a JSON literal applied when the field is absent; empty: none
  std::string_view description;      // our own words; may be empty
  std::string_view patch_merge_key;  // strategic merge: the key of a merged list of objects; empty for sets of scalars
  uint16_t proto = 0;                // protobuf field number; 0: not on the wire (apiVersion, kind)
  uint16_t proto_parent = 0;         // not 0: the field lives in a message that JSON inlines, under this number
  bool required = false;
  bool omit_zero = false;          // "", 0 and false mean absent and are dropped, as Kubernetes does for such fields
  bool patch_merge = false;        // strategic merge: lists merge by key instead of being replaced
  bool patch_retain_keys = false;  // strategic merge: keys absent from the patch's $retainKeys are cleared
};

// At most one field of a union is set; the discriminator, where there is one, names it.
struct Union {
  std::string_view discriminator;  // JSON name; may be empty
  std::span<const std::string_view> members;
};

struct Type {
  // Objects and scalars: "io.k8s.api.core.v1.PodSpec", "string". Lists and maps: empty.
  std::string_view name;
  std::string_view description;
  TypeKind kind = TypeKind::kObject;

  // kObject. Sorted by name.
  std::span<const Field> fields;
  // Indices into fields in the order in which canonical JSON writes them (kind, apiVersion, metadata first).
  std::span<const uint16_t> order;
  std::span<const Union> unions;

  // kList, kMap, and kObject with arbitrary further keys (null unless there are such).
  const Type* element = nullptr;
  ListType list_type = ListType::kAtomic;
  std::span<const std::string_view> list_keys;  // of a kMap list: the fields that identify an element

  bool atomic = false;             // kObject, kMap: server-side apply owns it as a whole
  bool preserve_unknown = false;   // kObject: fields that are not declared stay (x-kubernetes-preserve-unknown-fields)
  bool embedded_resource = false;  // kObject: has apiVersion, kind, metadata of its own
  // kInt32 etc. of custom resources: enum values as JSON literals; empty: anything goes. Further value constraints of a
  // CRD live beside its schema, not here.
  std::span<const std::string_view> enum_json;

  bool IsObject() const { return kind == TypeKind::kObject; }
  bool IsScalar() const { return kind < TypeKind::kList; }
  const Field* Find(std::string_view json_name) const;  // null when absent; O(log n)
  const Field* FindProto(uint16_t number, uint16_t parent = 0) const;
  std::string_view ShortName() const;  // "PodSpec" of "io.k8s.api.core.v1.PodSpec"
};

// Go's name of the type, for the decoder's messages: "string", "int32", "v1.PodSpec", "[]v1.Container", "map[string]string".
std::string GoTypeName(const Type& type);

// Every built-in type, sorted by name; a look-up among them ("io.k8s.api.core.v1.Pod"), null when absent.
std::span<const Type* const> BuiltinTypes();
const Type* FindType(std::string_view name);

// Scalars and free-form types, shared by built-in tables and custom resources.
const Type& ScalarType(TypeKind kind);  // any kind but kList, kMap, kObject
// metav1.ObjectMeta and metav1.ListMeta.
const Type& ObjectMetaType();
const Type& ListMetaType();

// Storage for types that are built at run time. The types live as long as it does; it may be moved, not copied.
class OwnedTypes {
 public:
  OwnedTypes() = default;
  OwnedTypes(OwnedTypes&&) = default;
  OwnedTypes& operator=(OwnedTypes&&) = default;

  std::string_view Keep(std::string_view text);
  Type* NewType(TypeKind kind, std::string_view name = {});
  // Sorts `fields` by name, keeps them, and sets type->fields and type->order (order as given).
  void SetFields(Type* type, std::vector<Field> fields);
  std::span<const std::string_view> KeepList(const std::vector<std::string_view>& texts);  // keeps the texts, too

 private:
  std::deque<std::string> texts_;
  std::deque<Type> types_;
  std::deque<std::vector<Field>> fields_;
  std::deque<std::vector<uint16_t>> orders_;
  std::deque<std::vector<std::string_view>> lists_;
};

}  // namespace sampan::api
