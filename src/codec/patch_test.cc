#include "codec/patch.h"

#include <gtest/gtest.h>

namespace sampan::json {
namespace {

Value J(std::string_view text) {
  return boost::json::parse(text);
}

struct JsonPatchCase {
  const char* name;
  const char* document;
  const char* patch;
  const char* want;  // null: an error of `reason`
  Reason reason = Reason::kUnknown;
};

const JsonPatchCase kJsonPatchCases[] = {
    {"add a member", R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
    {"add replaces a member", R"({"a":1})", R"([{"op":"add","path":"/a","value":2}])", R"({"a":2})"},
    {"add inserts before", R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
    {"add appends", R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
    {"add at the end", R"({"a":[1]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2]})"},
    {"add past the end", R"({"a":[1]})", R"([{"op":"add","path":"/a/2","value":2}])", nullptr, Reason::kInvalid},
    {"add below nothing", R"({})", R"([{"op":"add","path":"/a/b","value":2}])", nullptr, Reason::kInvalid},
    {"add a null", R"({})", R"([{"op":"add","path":"/a","value":null}])", R"({"a":null})"},
    {"remove a member", R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
    {"remove an element", R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/0"}])", R"({"a":[2]})"},
    {"remove nothing", R"({})", R"([{"op":"remove","path":"/a"}])", nullptr, Reason::kInvalid},
    {"replace", R"({"a":{"b":1}})", R"([{"op":"replace","path":"/a/b","value":"x"}])", R"({"a":{"b":"x"}})"},
    {"replace nothing", R"({})", R"([{"op":"replace","path":"/a","value":1}])", nullptr, Reason::kInvalid},
    {"replace the document", R"({"a":1})", R"([{"op":"replace","path":"","value":{}}])", R"({})"},
    {"move", R"({"a":1})", R"([{"op":"move","from":"/a","path":"/b"}])", R"({"b":1})"},
    {"move into itself", R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/c"}])", nullptr, Reason::kInvalid},
    {"move onto itself", R"({"a":1})", R"([{"op":"move","from":"/a","path":"/a"}])", R"({"a":1})"},
    {"copy", R"({"a":[1]})", R"([{"op":"copy","from":"/a","path":"/b"}])", R"({"a":[1],"b":[1]})"},
    {"test passes", R"({"a":1})", R"([{"op":"test","path":"/a","value":1.0}])", R"({"a":1})"},
    {"test of an absent null", R"({})", R"([{"op":"test","path":"/a","value":null}])", R"({})"},
    {"test fails", R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])", nullptr, Reason::kInvalid},
    {"escapes", R"({"a/b":{"c~d":1}})", R"([{"op":"replace","path":"/a~1b/c~0d","value":2}])", R"({"a/b":{"c~d":2}})"},
    {"bad escape", R"({})", R"([{"op":"add","path":"/a~2","value":1}])", nullptr, Reason::kBadRequest},
    {"index with a leading zero", R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/01"}])", nullptr, Reason::kInvalid},
    {"negative index", R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/-1"}])", nullptr, Reason::kInvalid},
    {"no list", R"({})", R"({"op":"add"})", nullptr, Reason::kBadRequest},
    {"unknown op", R"({})", R"([{"op":"zap","path":"/a"}])", nullptr, Reason::kBadRequest},
    {"no path", R"({})", R"([{"op":"remove"}])", nullptr, Reason::kBadRequest},
    {"no value", R"({})", R"([{"op":"add","path":"/a"}])", nullptr, Reason::kBadRequest},
    {"relative path", R"({})", R"([{"op":"add","path":"a","value":1}])", nullptr, Reason::kBadRequest},
    {"a later malformed operation leaves all untouched", R"({})", R"([{"op":"add","path":"/a","value":1},{"op":"x"}])",
     nullptr, Reason::kBadRequest},
};

TEST(JsonPatch, Cases) {
  for (const auto& c : kJsonPatchCases) {
    SCOPED_TRACE(c.name);
    Value document = J(c.document);
    auto result = ApplyJsonPatch(document, J(c.patch));
    ASSERT_EQ(result.has_value(), c.want != nullptr) << (result ? "" : result.error().message());
    if (c.want != nullptr) {
      EXPECT_EQ(Serialize(document), Serialize(J(c.want)));
    } else {
      EXPECT_EQ(result.error().reason(), c.reason) << result.error().message();
    }
  }
}

TEST(JsonPatch, TooManyOperations) {
  Array patch;
  for (int i = 0; i < 11; ++i) patch.push_back(J(R"({"op":"add","path":"/a","value":1})"));
  Value document = J("{}");
  auto result = ApplyJsonPatch(document, patch, {.max_operations = 10});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason(), Reason::kRequestEntityTooLarge);
  EXPECT_EQ(result.error().message(), "The allowed maximum operations in a JSON patch is 10, got 11");
}

TEST(JsonPatch, CopiesThatDoubleAreStopped) {
  Array patch;
  for (int i = 0; i < 40; ++i) patch.push_back(J(R"({"op":"copy","from":"/a","path":"/a/-"})"));
  Value document = J(R"({"a":["xxxxxxxxxxxxxxxx"]})");
  auto result = ApplyJsonPatch(document, patch);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason(), Reason::kRequestEntityTooLarge);
}

TEST(JsonPatch, DepthIsBounded) {
  Array patch;
  for (int i = 0; i < 20; ++i) {
    patch.push_back(J(R"({"op":"copy","from":"/a","path":"/b"})"));
    patch.push_back(J(R"({"op":"move","from":"/b","path":"/a/x"})"));
    patch.push_back(J(R"({"op":"copy","from":"/a","path":"/c"})"));
    patch.push_back(J(R"({"op":"move","from":"/c","path":"/a/x/x"})"));
  }
  Value document = J(R"({"a":{"x":{}}})");
  auto result = ApplyJsonPatch(document, patch, {.max_depth = 30});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason(), Reason::kInvalid);
}

// The examples of RFC 7386, appendix A.
TEST(MergePatch, Cases) {
  static const std::tuple<const char*, const char*, const char*> kCases[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
      {R"({"a":1,"b":2,"c":3,"d":4,"e":5,"f":6})", R"({"a":null,"b":null,"c":null,"d":null,"e":null})", R"({"f":6})"},
  };
  for (const auto& [document, patch, want] : kCases) {
    Value value = J(document);
    ApplyMergePatch(value, J(patch));
    EXPECT_EQ(Serialize(value), Serialize(J(want))) << document << " + " << patch;
  }
}

}  // namespace
}  // namespace sampan::json
