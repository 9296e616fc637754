// What every machinery relies on, checked over all built-in types.
#include "api/schema.h"

#include <set>

#include <gtest/gtest.h>

#include "api/decode.h"
#include "api/kind.h"
#include "codec/json.h"

namespace sampan::api {
namespace {

TEST(Schema, TypesAreSortedAndFound) {
  auto types = BuiltinTypes();
  EXPECT_GT(types.size(), 700U);
  EXPECT_TRUE(std::is_sorted(types.begin(), types.end(), [](auto* a, auto* b) { return a->name < b->name; }));
  for (const Type* type : types) EXPECT_EQ(FindType(type->name), type);
  EXPECT_EQ(FindType("io.k8s.api.core.v1.Pot"), nullptr);
}

TEST(Schema, FieldsAreSortedAndOrderedOnce) {
  for (const Type* type : BuiltinTypes()) {
    EXPECT_TRUE(std::is_sorted(type->fields.begin(), type->fields.end(), [](auto& a, auto& b) { return a.name < b.name; }));
    std::set<uint16_t> order(type->order.begin(), type->order.end());
    EXPECT_EQ(order.size(), type->fields.size()) << type->name;
    EXPECT_EQ(type->order.size(), type->fields.size()) << type->name;
    for (const Field& field : type->fields) EXPECT_EQ(type->Find(field.name), &field);
    EXPECT_EQ(type->Find("no such field"), nullptr);
  }
}

TEST(Schema, ProtobufNumbersAreUnique) {
  for (const Type* type : BuiltinTypes()) {
    std::set<std::pair<uint16_t, uint16_t>> numbers;
    for (const Field& field : type->fields) {
      if (field.proto == 0) continue;
      EXPECT_TRUE(numbers.emplace(field.proto_parent, field.proto).second) << type->name << "." << field.name;
      EXPECT_EQ(type->FindProto(field.proto, field.proto_parent), &field);
    }
  }
}

TEST(Schema, ListKeysAndMergeKeysAreFieldsOfTheElements) {
  for (const Type* type : BuiltinTypes()) {
    for (const Field& field : type->fields) {
      if (field.type->kind != TypeKind::kList) continue;
      for (std::string_view key : field.type->list_keys)
        EXPECT_NE(field.type->element->Find(key), nullptr) << type->name << key;
      if (field.type->list_type == ListType::kMap) EXPECT_FALSE(field.type->list_keys.empty()) << type->name << field.name;
      if (!field.patch_merge_key.empty()) EXPECT_NE(field.type->element->Find(field.patch_merge_key), nullptr) << field.name;
    }
  }
}

TEST(Schema, DefaultsFitTheirTypes) {
  for (const Type* type : BuiltinTypes()) {
    for (const Field& field : type->fields) {
      if (field.default_json.empty()) continue;
      auto value = json::Parse(field.default_json);
      ASSERT_TRUE(value) << type->name << "." << field.name;
      EXPECT_TRUE(Canonicalize(*field.type, *value, nullptr)) << type->name << "." << field.name;
    }
  }
}

TEST(Schema, KindsHaveTheirListsAndSelectableFields) {
  for (const KindInfo* kind : BuiltinKinds()) {
    ASSERT_NE(kind->type, nullptr) << kind->kind;
    bool listed = std::find(kind->verbs.begin(), kind->verbs.end(), "list") != kind->verbs.end();
    if (listed) EXPECT_NE(FindType(std::string(kind->type->name) + "List"), nullptr) << kind->kind;
    for (const std::string& path : kind->selectable_fields) {
      if (path == "source") continue;  // an event's, which stands for two fields
      EXPECT_NE(kind->type->Find(path.substr(0, path.find('.'))), nullptr) << kind->kind << path;
    }
  }
  EXPECT_NE(FindKind("events.k8s.io/v1", "Event"), nullptr);
}

TEST(Schema, GoNames) {
  EXPECT_EQ(GoTypeName(*FindType("io.k8s.api.core.v1.PodSpec")), "v1.PodSpec");
  EXPECT_EQ(GoTypeName(*FindType("io.k8s.api.core.v1.PodSpec")->Find("nodeSelector")->type), "map[string]string");
  EXPECT_EQ(GoTypeName(ScalarType(TypeKind::kBytes)), "[]uint8");
}

TEST(OwnedTypes, KeepTheirTextsWhenMoved) {
  OwnedTypes types;
  Type* type = nullptr;
  {
    std::string name = "b", other = "a", text = "a sentence that is long enough to live on the heap";
    Field b{.name = name, .type = &ScalarType(TypeKind::kString), .description = text};
    Field a{.name = other, .type = &ScalarType(TypeKind::kInt32)};
    type = types.NewType(TypeKind::kObject, "example.com.v1.Thing");
    types.SetFields(type, {b, a});
  }
  OwnedTypes moved = std::move(types);
  EXPECT_EQ(type->fields[0].name, "a");
  EXPECT_EQ(type->fields[type->order[0]].name, "b");
  EXPECT_EQ(type->Find("b")->description, "a sentence that is long enough to live on the heap");
  EXPECT_EQ(type->ShortName(), "Thing");
}

}  // namespace
}  // namespace sampan::api
