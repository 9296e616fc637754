// Random objects of a kind, for tests that write them through every door.
#pragma once

#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "api/kind.h"
#include "api/schema.h"
#include "codec/base64.h"
#include "codec/json.h"

namespace sampan::apiserver {

// Values as their types want them, now and then not, with the texts and numbers that hurt.
class ObjectGenerator {
 public:
  explicit ObjectGenerator(uint64_t seed) : random_(seed) {}

  size_t Below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random_); }
  bool Chance(size_t one_in) { return Below(one_in) == 0; }

  std::string Text() {
    static const std::string kTexts[] = {"",
                                         "a",
                                         "web",
                                         "a.b/c",
                                         "\xFF\xFE",
                                         "\xC3",
                                         "caf\u00e9",
                                         "\xED\xA0\x80",
                                         std::string("\0", 1),
                                         "1",
                                         "true",
                                         "~",
                                         "- x: [",
                                         "a\nb\n\n",
                                         "\u2028",
                                         "$(A)",
                                         "100%",
                                         "-1",
                                         "9223372036854775807",
                                         "1e9999",
                                         "10.0.0.1"};
    if (Chance(40)) return std::string(Below(20'000), 'x');
    return kTexts[Below(std::size(kTexts))];
  }

  int64_t Number() {
    static constexpr int64_t kNumbers[] = {0,         1,         -1,        80,   65536,        INT32_MAX,
                                           INT32_MIN, INT64_MAX, INT64_MIN, 3600, 1'000'000'007};
    return kNumbers[Below(std::size(kNumbers))];
  }

  json::Value Value(const api::Type& type, int depth) {
    if (Chance(60)) return Anything(depth);
    switch (type.kind) {
      case api::TypeKind::kString:
        return json::Value(Text());
      case api::TypeKind::kBytes:
        return json::Value(Chance(4) ? Text() : base64::Encode(Text()));
      case api::TypeKind::kBool:
        return Chance(2);
      case api::TypeKind::kInt32:
      case api::TypeKind::kInt64:
        return Number();
      case api::TypeKind::kDouble:
        return 0.5;
      case api::TypeKind::kTime:
      case api::TypeKind::kMicroTime:
        return json::Value(
            Pick({"2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+14:00", "now"}));
      case api::TypeKind::kDuration:
        return json::Value(Pick({"1h", "9999999999h", "-5s"}));
      case api::TypeKind::kQuantity:
        return json::Value(Pick({"1", "500m", "1Ei", "99999999999999999999E", "-0.1n", "1e-30"}));
      case api::TypeKind::kIntOrString:
        return Chance(2) ? json::Value(Number()) : json::Value(Pick({"25%", "300%", "99999999999%", "http"}));
      case api::TypeKind::kList:
        return List(*type.element, depth);
      case api::TypeKind::kMap:
        return Map(*type.element, depth);
      case api::TypeKind::kObject:
        return Object(type, depth);
      default:
        return Anything(depth);
    }
  }

  json::Value Object(const api::Type& type, int depth) {
    json::Object out;
    for (const api::Field& field : type.fields) {
      const bool wanted = field.required ? !Chance(30) : Chance(depth < 3 ? 4 : 8);
      if (wanted && depth < 8) out[field.name] = Value(*field.type, depth + 1);
    }
    if (Chance(20)) out[Text()] = Anything(depth);
    return out;
  }

  // An object of the kind that has some hope to be taken.
  json::Value Whole(const api::KindInfo& kind, std::string_view name) {
    json::Value object = Object(*kind.type, 0);
    json::Object& members = object.get_object();
    if (!Chance(20)) members["kind"] = kind.kind;
    if (!Chance(20)) members["apiVersion"] = kind.ApiVersion();
    json::Value metadata = Chance(3) ? Object(api::ObjectMetaType(), 1) : json::Value(json::Object());
    if (!Chance(30)) metadata.get_object()["name"] = name;
    for (const char* field : {"namespace", "resourceVersion", "uid", "generateName"}) metadata.get_object().erase(field);
    if (!Chance(30)) members["metadata"] = std::move(metadata);
    return object;
  }

 private:
  const char* Pick(std::initializer_list<const char*> texts) { return texts.begin()[Below(texts.size())]; }

  json::Value List(const api::Type& element, int depth) {
    json::Array out;
    for (size_t i = Below(4); i > 0; --i) out.push_back(Value(element, depth + 1));
    return out;
  }
  json::Value Map(const api::Type& element, int depth) {
    json::Object out;
    for (size_t i = Below(4); i > 0; --i) out[Text()] = Value(element, depth + 1);
    return out;
  }
  json::Value Anything(int depth) {
    switch (Below(depth < 8 ? 7 : 5)) {
      case 0:
        return nullptr;
      case 1:
        return Number();
      case 2:
        return Chance(2);
      case 3:
        return 1.5e300;
      case 4:
        return json::Value(Text());
      case 5:
        return json::Array{Anything(depth + 1), Anything(depth + 1)};
      default:
        return json::Object{{Text(), Anything(depth + 1)}};
    }
  }

  std::mt19937_64 random_;
};

}  // namespace sampan::apiserver
