// How generated structs are described to the one interpreter that decodes and encodes them (codec.cc): a table of members
// per struct, a shape per C++ type. Included by generated sources only; components need api/types/<group>.h and
// api/types/convert.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "api/meta/box.h"
#include "api/meta/int_or_string.h"
#include "api/meta/map.h"
#include "api/meta/quantity.h"
#include "api/types/convert.h"
#include "base/time.h"
#include "codec/json.h"

namespace sampan::api::types {

enum class Shape : uint8_t {
  kString,
  kBytes,  // std::string holding the decoded bytes
  kBool,
  kInt32,
  kInt64,
  kDouble,
  kTime,
  kMicroTime,
  kQuantity,
  kIntOrString,
  kAny,       // json::Value; null is absent
  kStruct,    // inline
  kOptional,  // std::optional or Box of element
  kList,      // std::vector of element
  kMap,       // Map of element
};

struct StructInfo;

// Access to a container whose element type the interpreter does not know.
struct ContainerOps {
  size_t (*size)(const void* container);  // 0 or 1 for an optional
  const void* (*at)(const void* container, size_t index);
  void* (*append)(void* container, std::string_view key);  // key: maps only; an optional is filled
  void (*settle)(void* container);                         // maps: when all is appended
  std::string_view (*key)(const void* container, size_t index);
};

struct Value {
  Shape shape;
  const StructInfo* object = nullptr;
  const Value* element = nullptr;
  const ContainerOps* ops = nullptr;
};

struct Member {
  std::string_view name;
  const Value* value;
  uint32_t offset;
  bool required;  // written even when empty
};

struct StructInfo {
  std::span<const Member> members;  // in canonical order
  std::string_view api_version;     // of kinds; written first
  std::string_view kind;
};

template <class T>
struct ValueOf {
  static constexpr Value kValue{Shape::kStruct, &Describe<T>::kInfo};
};
#define SAMPAN_SCALAR(TYPE, SHAPE)                  \
  template <>                                       \
  struct ValueOf<TYPE> {                            \
    static constexpr Value kValue{Shape::k##SHAPE}; \
  }
SAMPAN_SCALAR(std::string, String);
SAMPAN_SCALAR(bool, Bool);
SAMPAN_SCALAR(int32_t, Int32);
SAMPAN_SCALAR(int64_t, Int64);
SAMPAN_SCALAR(double, Double);
SAMPAN_SCALAR(WallTime, Time);
SAMPAN_SCALAR(Quantity, Quantity);
SAMPAN_SCALAR(IntOrString, IntOrString);
SAMPAN_SCALAR(json::Value, Any);
#undef SAMPAN_SCALAR

template <class C>
struct ListOps {
  static size_t Size(const void* c) { return static_cast<const C*>(c)->size(); }
  static const void* At(const void* c, size_t i) { return &(*static_cast<const C*>(c))[i]; }
  static void* Append(void* c, std::string_view) { return &static_cast<C*>(c)->emplace_back(); }
  static constexpr ContainerOps kOps{&Size, &At, &Append, nullptr, nullptr};
};
template <class C>
struct MapOps {
  static size_t Size(const void* c) { return static_cast<const C*>(c)->size(); }
  static const void* At(const void* c, size_t i) { return &(*(static_cast<const C*>(c)->begin() + i)).second; }
  static void* Append(void* c, std::string_view key) {
    C& map = *static_cast<C*>(c);
    map.emplace_back(std::string(key), typename C::Entry::second_type());
    return &map.back().second;
  }
  static void Settle(void* c) { static_cast<C*>(c)->Settle(); }
  static std::string_view Key(const void* c, size_t i) { return (*(static_cast<const C*>(c)->begin() + i)).first; }
  static constexpr ContainerOps kOps{&Size, &At, &Append, &Settle, &Key};
};
template <class C>
struct OptionalOps {
  static size_t Size(const void* c) { return static_cast<const C*>(c)->has_value() ? 1 : 0; }
  static const void* At(const void* c, size_t) { return &**static_cast<const C*>(c); }
  static void* Append(void* c, std::string_view) {
    C& target = *static_cast<C*>(c);
    if constexpr (requires { target.Ensure(); }) {
      return &target.Ensure();
    } else {
      return &target.emplace();
    }
  }
  static constexpr ContainerOps kOps{&Size, &At, &Append, nullptr, nullptr};
};
template <class T>
struct ValueOf<std::vector<T>> {
  static constexpr Value kValue{Shape::kList, nullptr, &ValueOf<T>::kValue, &ListOps<std::vector<T>>::kOps};
};
template <class T>
struct ValueOf<Map<T>> {
  static constexpr Value kValue{Shape::kMap, nullptr, &ValueOf<T>::kValue, &MapOps<Map<T>>::kOps};
};
template <class T>
struct ValueOf<std::optional<T>> {
  static constexpr Value kValue{Shape::kOptional, nullptr, &ValueOf<T>::kValue, &OptionalOps<std::optional<T>>::kOps};
};
template <class T>
struct ValueOf<Box<T>> {
  static constexpr Value kValue{Shape::kOptional, nullptr, &ValueOf<T>::kValue, &OptionalOps<Box<T>>::kOps};
};

// C++ types that stand for more than one JSON type.
inline constexpr Value kBytesValue{Shape::kBytes};
inline constexpr Value kMicroTimeElement{Shape::kMicroTime};
inline constexpr Value kMicroTimeValue{Shape::kOptional, nullptr, &kMicroTimeElement,
                                       &OptionalOps<std::optional<WallTime>>::kOps};
inline constexpr Value kBytesMapValue{Shape::kMap, nullptr, &kBytesValue, &MapOps<Map<std::string>>::kOps};

}  // namespace sampan::api::types
