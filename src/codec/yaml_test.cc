#include "codec/yaml.h"

#include <gtest/gtest.h>

namespace sampan::yaml {
namespace {

struct Case {
  const char* yaml;
  const char* json;  // null: an error
};

const Case kCases[] = {
    {"", "null"},
    {"a: 1", R"({"a":1})"},
    {"{\"a\": [1, \"x\", null, true]}", R"({"a":[1,"x",null,true]})"},
    {"[y, Y, n, N, yes, Yes, no, on, off, ON, \"yes\", true, TRUE, tRue]",
     R"([true,true,false,false,true,true,false,true,false,true,"yes",true,true,"tRue"])"},
    {"[null, ~, Null, nULL, '']", R"([null,null,null,"nULL",""])"},
    {"[1, 0x1f, 0o17, 017, 0b11, 1_000, +5, -3]", "[1,31,15,15,3,1000,5,-3]"},
    {"[1e3, 1.5, .5, -.5, 1., 1_0.5, 08, 12e03, 1e+3]", "[1000,1.5E0,5E-1,-5E-1,1,1.05E1,8,12000,1000]"},
    {"[1:30, 2001-01-01, 0x, 1.2.3, 10.0.0.1]", R"(["1:30","2001-01-01","0x","1.2.3","10.0.0.1"])"},
    {"[9223372036854775807, 18446744073709551615]", "[9223372036854775807,18446744073709551615]"},
    {"{1: a, yes: b, 0x10: d, null: e}", R"({"1":"a","true":"b","16":"d","null":"e"})"},
    {"[!!str 5, !!int \"5\", !!binary aGVsbG8=, !!float 3, !foo bar]", R"(["5",5,"hello",3,"bar"])"},
    {"g: &x {p: 1, q: 2}\nh: {<<: *x, q: 3}", R"({"g":{"p":1,"q":2},"h":{"q":3,"p":1}})"},
    {"a: &x [1]\nb: *x", R"({"a":[1],"b":[1]})"},
    {"k: |\n  line\n   two\n", R"({"k":"line\n two\n"})"},
    {"k: |-\n  line\n", R"({"k":"line"})"},
    {"k: |+\n  line\n\n", R"({"k":"line\n\n"})"},
    {"k: >-\n  folded\n  text\n", R"({"k":"folded text"})"},
    {"a: 'it''s'", R"({"a":"it's"})"},
    {"a: \"\\u00e9\\n\"", R"({"a":"é\n"})"},
    {"a: # comment\n  b: c # more\n", R"({"a":{"b":"c"}})"},
    {"- a\n- b:\n    c\n-\n", R"(["a",{"b":"c"},null])"},
    {"---\na: 1\n---\nb: 2\n", R"({"a":1})"},
    {"a: b: c", nullptr},
    {"a: [1", nullptr},
    {"a: 1\na: 2", nullptr},
    {"a: *nope", nullptr},
    {"? [a]\n: b", nullptr},
    {"a: .inf", nullptr},
    {"a: &x [*x]", nullptr},
    {"a: \"\xff\"", nullptr},
    {"\tb: 1", nullptr},
};

TEST(Yaml, Parse) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.yaml);
    auto value = Parse(c.yaml);
    ASSERT_EQ(value.has_value(), c.json != nullptr) << (value ? json::Serialize(*value) : value.error().message());
    if (c.json != nullptr) {
      EXPECT_EQ(json::Serialize(*value), json::Serialize(boost::json::parse(c.json)));
    } else {
      EXPECT_EQ(value.error().reason(), Reason::kBadRequest);
    }
  }
}

TEST(Yaml, FaultsNameTheLine) {
  auto value = Parse("a: 1\nb: 2\na: 3\n");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().message(), "error converting YAML to JSON: yaml: line 3: key \"a\" already set in map");
}

TEST(Yaml, DuplicatesMayBeReported) {
  std::vector<std::string> duplicates;
  auto value = Parse("spec:\n  list:\n  - a: 1\n    a: 2\n  x: 1\n  x: 2\n", {.duplicates = &duplicates});
  ASSERT_TRUE(value);
  EXPECT_EQ(duplicates, (std::vector<std::string>{"spec.list[0].a", "spec.x"}));
  EXPECT_EQ(json::Serialize(*value), R"({"spec":{"list":[{"a":2}],"x":2}})");
}

TEST(Yaml, ManyDocuments) {
  auto documents = ParseAll("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n");
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 2u);
  EXPECT_EQ(json::Serialize((*documents)[1]), R"({"b":2})");
}

TEST(Yaml, AliasesCannotExplode) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string list;
    for (int k = 0; k < 10; ++k) list += fmt::format("{}*a{}", k == 0 ? "" : ",", i - 1);
    text += fmt::format("a{}: &a{} [{}]\n", i, i, list);
  }
  auto value = Parse(text);
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message().find("excessive aliasing"), std::string::npos);
  std::string big = "a: &a " + std::string(1 << 20, 'x') + "\nb: [";
  for (int i = 0; i < 1000; ++i) big += "*a,";
  EXPECT_FALSE(Parse(big + "]"));
}

// Whatever a text of some megabytes holds, it is read once, and nothing recurses or is copied again and again.
TEST(Yaml, NothingCostsMoreThanItsLength) {
  constexpr size_t kSize = 100'000;
  auto many = [](std::string_view part) {
    std::string text;
    while (text.size() < kSize) text += part;
    return text;
  };
  for (const char* part : {"{", "[", "- ", "? ",   ": ", "a: ", "&a ",   "!a ",    "\"a\" ",   "'",    "\"",
                           "|", "*", "%",  "#x\n", "\n", " ",   "---\n", "a: b\n", "!<a> x, ", "x\n  "}) {
    (void)Parse(many(part));
    (void)Parse("a: [" + many(part));
    (void)Parse("a: '" + many(part));
    (void)Parse("- " + many(part));
  }
  // Anchors around each other are copied, and paid for.
  std::string anchors = "a: ";
  for (int i = 0; i < 450; ++i) anchors += fmt::format("&x{} [", i);
  auto nested = Parse(anchors + many("x,") + std::string(450, ']'));
  ASSERT_FALSE(nested);
  EXPECT_NE(nested.error().message().find("excessive aliasing"), std::string::npos);
}

TEST(Yaml, ReadsWhatPeopleWrite) {
  const Case cases[] = {
      {"a: plain\n  goes on\n\n  and on # comment\nb: x#c", R"({"a":"plain goes on\nand on","b":"x#c"})"},
      {"a: \"one\n  two \\\n  three\n\n  four\"", R"({"a":"one two three\nfour"})"},
      {"a: 'one\n\n  two'", R"({"a":"one\ntwo"})"},
      {"a: >\n  x\n  y\n\n  z\n   deeper\n  end\n", R"({"a":"x y\nz\n deeper\nend\n"})"},
      {"a: |\n\n  x\n\n   z\n\nb: c", R"({"a":"\nx\n\n z\n","b":"c"})"},
      {"a: |2\n    x\n   z\n", R"({"a":"  x\n z\n"})"},
      {"a: |\n  no line end", R"({"a":"no line end"})"},
      {"a:\n- b\n- - c\n  - d\n- e: f\n  g:\n  - h\ni: j", R"({"a":["b",["c","d"],{"e":"f","g":["h"]}],"i":"j"})"},
      {"? a\n: b\n? - c\n", nullptr},
      {"? a\n: - b\n  - c\n? d", R"({"a":["b","c"],"d":null})"},
      {"{a: b, c: , d: [e, f: g], \"h\":i, j}", R"({"a":"b","c":null,"d":["e",{"f":"g"}],"h":"i","j":null})"},
      {"[a, b, ]", R"(["a","b"])"},
      {"u: http://x:80/z\nv: [http://x:80, a:b]", R"({"u":"http://x:80/z","v":["http://x:80","a:b"]})"},
      {"&m\na: &s !!str 12\nb: *s", R"({"a":"12","b":"12"})"},
      {"%YAML 1.1\n%TAG !k! tag:yaml.org,2002:\n---\na: !k!str 5\n", R"({"a":"5"})"},
      {"a: !<tag:yaml.org,2002:str> 5", R"({"a":"5"})"},
      {"--- |\n  top\n", R"("top\n")"},
      {"\xEF\xBB\xBF"
       "a: 1\r\nb:\r\n- c\r\n",
       R"({"a":1,"b":["c"]})"},
      {"a: \"\\x41\\u00e9\\U0001F600\\t\\/\"", "{\"a\":\"A\u00e9\U0001F600\\t/\"}"},
      {"a: - b", nullptr},
      {"a: 1\n b: 2", nullptr},
      {"- a\nb: c", nullptr},
      {"a: b\n- c", nullptr},
      {"a: \"b\" c", nullptr},
      {"a: @x", nullptr},
      {"[,]", nullptr},
      {"{a: b", nullptr},
      {"a: \"b\n---\nc\"", nullptr},
      {"a: \"\\ud800\"", nullptr},
      {"a: \"\\q\"", nullptr},
      {"a: !x!y z", nullptr},
      {"[a, b]: c", nullptr},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.yaml);
    auto value = Parse(c.yaml);
    ASSERT_EQ(value.has_value(), c.json != nullptr) << (value ? json::Serialize(*value) : value.error().message());
    if (c.json != nullptr) EXPECT_EQ(json::Serialize(*value), json::Serialize(boost::json::parse(c.json)));
  }
}

TEST(Yaml, Limits) {
  EXPECT_EQ(Parse(std::string(100, ' '), {.max_bytes = 10}).error().reason(), Reason::kRequestEntityTooLarge);
  EXPECT_FALSE(Parse(std::string(10000, '[')));
  EXPECT_FALSE(Parse(std::string(600, '[') + std::string(600, ']')));
  EXPECT_TRUE(Parse(std::string(100, '[') + std::string(100, ']')));
}

TEST(Yaml, EscapesBecomeUtf8) {
  auto value = Parse(R"(k: "\u00e9\_\N\L\xe9")");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->at("k").as_string(), "\u00e9\u00a0\u0085\u2028\u00e9");
}

TEST(Yaml, LongKeysAreWrittenExplicitly) {
  std::string key(2000, 'k');
  json::Value value{{"outer", json::Object{{key, json::Object{{"a", 1}, {"b", json::Array{1, 2}}}}, {key + "2", "text"}}}};
  std::string yaml = Serialize(value);
  EXPECT_TRUE(yaml.starts_with(fmt::format("outer:\n  ? {}\n  : a: 1\n    b:\n    - 1\n", key))) << yaml;
  auto back = Parse(yaml);
  ASSERT_TRUE(back.has_value()) << back.error().message();
  EXPECT_TRUE(json::Equal(*back, value));
}

TEST(Yaml, Serialize) {
  EXPECT_EQ(
      Serialize(boost::json::parse(
          R"({"kind":"Pod","b":true,"n":null,"list":[{"name":"c","args":["a","b"]},[1,2],[]],"empty":{},"i":5,"f":1.5})")),
      "b: true\nempty: {}\nf: 1.5\ni: 5\nkind: Pod\nlist:\n- args:\n  - a\n  - b\n  name: c\n- - 1\n  - 2\n- []\n\"n\": "
      "null\n");
  static const std::pair<const char*, const char*> kStrings[] = {
      {"plain text", "plain text"},
      {"yes", "\"yes\""},
      {"12", "\"12\""},
      {"", "\"\""},
      {"a: b", "'a: b'"},
      {"it's: x", "'it''s: x'"},
      {"- x", "'- x'"},
      {"#x", "'#x'"},
      {"a\nb\n", "|\n  a\n  b"},
      {"a\nb", "|-\n  a\n  b"},
      {"  a\nb", "|2-\n    a\n  b"},
      {"a\tb", "\"a\\tb\""},
      {"2026-01-01T00:00:00Z", "\"2026-01-01T00:00:00Z\""},
      {"10.0.0.1", "10.0.0.1"},
  };
  for (const auto& [text, want] : kStrings) {
    EXPECT_EQ(Serialize(json::Object{{"k", text}}), fmt::format("k: {}\n", want));
  }
}

TEST(Yaml, TextThatLooksLikeANumberWithoutEndIsQuoted) {
  for (const char* text : {"-.inf", "+.Inf", ".nan", "-.NaN"}) {
    json::Value value = json::Object{{text, text}};
    auto back = Parse(Serialize(value));
    ASSERT_TRUE(back) << text << back.error().message();
    EXPECT_EQ(*back, value);
  }
}

TEST(Yaml, RoundTrip) {
  static const char* kTexts[] = {
      "x",     "yes",   "~",     "1e3",     "0x1", ":",      "a:",   "? x",    "-",     "--- x",     "a #b",  "\n",
      " \n",   "a\n\n", "\na",   "a ",      " a",  "a\r\nb", "\x01", "é",      "\"q\"", "'",         "a\n b", "<<",
      "*x",    "&x",    "!x",    "%x",      "@x",  "`x",     "{x",   "[x",     ",x",    "|",         ">",     "a\n\tb",
      "a \nb", "=",     "1_000", "\u2028x", ".x",  "1:30",   "null", "\ufeff", "...",   "a\nb\n\n\n"};
  for (const char* text : kTexts) {
    json::Value value = json::Object{{text, text}, {"list", json::Array{text, json::Object{{"k", text}}}}};
    std::string yaml = Serialize(value);
    auto back = Parse(yaml);
    ASSERT_TRUE(back) << yaml << back.error().message();
    EXPECT_TRUE(json::Equal(*back, value)) << yaml << json::Serialize(*back);
    auto alone = Parse(Serialize(json::Value(text)));
    ASSERT_TRUE(alone) << text << alone.error().message();
    EXPECT_TRUE(json::Equal(*alone, json::Value(text))) << Serialize(json::Value(text));
  }
}

}  // namespace
}  // namespace sampan::yaml
