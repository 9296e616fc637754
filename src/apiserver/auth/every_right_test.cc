// Every served kind, verb, subresource, form of path and form of selector: what the authorizer is asked against a small
// model of its own, and what happens with any other single right.
#include <gtest/gtest.h>

#include "apiserver/testing/test_server.h"
#include "base/guarded.h"

namespace sampan::apiserver {
namespace {

struct Right {
  std::string verb, group, resource, subresource, namespace_, name;
  bool operator==(const Right&) const = default;
  std::string ToString() const {
    return fmt::format("{} {}/{}/{} in '{}' named '{}'", verb, group, resource, subresource, namespace_, name);
  }
};

// "nobody" has one right, or none, and no more.
class OneRight final : public auth::Authorizer {
 public:
  auth::Decision Authorize(const auth::Attributes& a) const override {
    if (a.user->name != "nobody") return {true, ""};
    Right asked{std::string(a.verb),        std::string(a.group),      std::string(a.resource),
                std::string(a.subresource), std::string(a.namespace_), std::string(a.name)};
    auto state = state_.Lock();
    if (!state->asked) state->asked = asked;
    return {state->granted == asked, ""};
  }
  void Grant(std::optional<Right> right) { *state_.Lock() = {std::move(right), std::nullopt}; }
  // The first that was asked for since the grant.
  std::string Asked() const {
    auto state = state_.Lock();
    return state->asked ? state->asked->ToString() : "nothing";
  }

 private:
  struct State {
    std::optional<Right> granted, asked;
  };
  mutable Guarded<State> state_;
};

// One way to ask for one thing.
struct Case {
  std::string method, target;
  Right right;
};

class EveryRight : public testing::Test {
 protected:
  static std::vector<Case> CasesOf(const api::KindInfo& kind) {
    std::string root = kind.group.empty() ? "/api/" + kind.version : fmt::format("/apis/{}/{}", kind.group, kind.version);
    const std::string place = kind.namespaced() ? "/namespaces/default" : "";
    // A Namespace's own name is where it is.
    const std::string home = kind.namespaced() ? "default" : kind.resource == "namespaces" ? "x" : "";
    const std::string all = fmt::format("{}{}/{}", root, place, kind.resource);
    const std::string one = all + "/x";
    const std::string named = "fieldSelector=metadata.name%3Dx";
    const std::string in = kind.namespaced() ? "default" : "";
    auto right = [&](std::string verb, std::string where, std::string name, std::string sub = "") {
      return Right{std::move(verb), kind.group, kind.resource, std::move(sub), std::move(where), std::move(name)};
    };
    std::vector<Case> cases;
    for (const std::string& verb : kind.verbs) {
      if (verb == "create") cases.push_back({"POST", all, right(verb, in, "")});
      if (verb == "get") cases.push_back({"GET", one, right(verb, home, "x")});
      if (verb == "update") cases.push_back({"PUT", one, right(verb, home, "x")});
      if (verb == "patch") cases.push_back({"PATCH", one, right(verb, home, "x")});
      if (verb == "delete") cases.push_back({"DELETE", one, right(verb, home, "x")});
      if (verb == "deletecollection") {
        cases.push_back({"DELETE", all, right(verb, in, "")});
        cases.push_back({"DELETE", all + "?" + named, right(verb, in, "")});
      }
      if (verb == "list" || verb == "watch") {
        const std::string watch = verb == "watch" ? "watch=1&" : "";
        cases.push_back({"GET", all + "?" + watch, right(verb, in, "")});
        cases.push_back({"GET", fmt::format("{}/{}?{}", root, kind.resource, watch), right(verb, "", "")});
        cases.push_back({"GET", fmt::format("{}?{}{}", all, watch, named), right(verb, in, "x")});
        cases.push_back({"GET", fmt::format("{}?{}{},metadata.name%3Dy", all, watch, named), right(verb, in, "x")});
        cases.push_back({"GET", fmt::format("{}?{}fieldSelector=metadata.name!%3Dx", all, watch), right(verb, in, "")});
        cases.push_back({"GET", fmt::format("{}?{}labelSelector=a%3Db", all, watch), right(verb, in, "")});
      }
      if (verb == "watch") {
        const std::string old = fmt::format("{}/watch{}/{}", root, place, kind.resource);
        cases.push_back({"GET", old, right(verb, in, "")});
        cases.push_back({"GET", old + "?" + named, right(verb, in, "")});
        cases.push_back({"GET", old + "/x", right(verb, home, "x")});
        cases.push_back({"GET", old + "/x?fieldSelector=metadata.name%3Dy", right(verb, home, "x")});
      }
    }
    for (const api::KindInfo::Subresource& sub : kind.subresources) {
      const std::pair<std::string_view, std::string_view> methods[] = {
          {"get", "GET"}, {"create", "POST"}, {"update", "PUT"}, {"patch", "PATCH"}, {"delete", "DELETE"}};
      for (const auto& [verb, method] : methods) {
        if (std::ranges::find(sub.verbs, verb) == sub.verbs.end()) continue;
        cases.push_back({std::string(method), one + "/" + sub.name, right(std::string(verb), home, "x", sub.name)});
      }
    }
    return cases;
  }

  // Opened by GET, a stream acts all the same: it takes the right to create as well.
  static bool ActsByReading(const Right& right) {
    return right.verb == "get" &&
           (right.subresource == "exec" || right.subresource == "attach" || right.subresource == "portforward");
  }

  // The same path written otherwise.
  static std::vector<std::string> FormsOf(const Case& c) {
    size_t query = std::min(c.target.find('?'), c.target.size());
    std::string path = c.target.substr(0, query), rest = c.target.substr(query);
    size_t resource = path.find("/" + c.right.resource);
    std::string encoded = path;
    encoded.replace(resource + 1, 1, fmt::format("%{:02x}", static_cast<unsigned char>(path[resource + 1])));
    std::string slash = path;
    slash.replace(slash.rfind('/'), 1, "%2F");
    return {c.target, path + "/" + rest, encoded + rest, slash + rest};
  }

  // All rights that differ from the wanted one in one respect.
  static std::vector<Right> Others(const api::KindInfo& kind, const Right& wanted) {
    std::vector<Right> others;
    auto vary = [&](std::string Right::* part, std::string value) {
      Right other = wanted;
      other.*part = std::move(value);
      if (!(other == wanted)) others.push_back(std::move(other));
    };
    for (const char* verb : {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy"}) {
      vary(&Right::verb, verb);
    }
    vary(&Right::subresource, "");
    for (const api::KindInfo::Subresource& sub : kind.subresources) vary(&Right::subresource, sub.name);
    for (const char* name : {"", "y", "x"}) vary(&Right::name, name);
    for (const char* where : {"", "default", "other"}) vary(&Right::namespace_, where);
    for (const char* group : {"", "apps", "example.com"}) vary(&Right::group, group);
    for (const char* resource : {"pods", "secrets", "configmaps"}) vary(&Right::resource, resource);
    return others;
  }

  Reply Ask(std::string_view method, std::string_view target) {
    return server_.Do(method, target, "", {{"x-user", "nobody"}});
  }

  OneRight rights_;
  TestServer server_{TestOptions{.authorizer = &rights_}};
};

TEST_F(EveryRight, IsAskedForInEveryFormOfPathAndSelector) {
  size_t asked = 0;
  for (const api::KindInfo* kind : api::BuiltinKinds()) {
    for (const Case& c : CasesOf(*kind)) {
      for (const std::string& target : FormsOf(c)) {
        rights_.Grant(std::nullopt);
        EXPECT_EQ(Ask(c.method, target).status, 403) << c.method << " " << target;
        EXPECT_EQ(rights_.Asked(), c.right.ToString()) << c.method << " " << target;
        ++asked;
      }
    }
  }
  EXPECT_GT(asked, 500u);
}

TEST_F(EveryRight, IsWhatItTakesAndNoOther) {
  for (const api::KindInfo* kind : api::BuiltinKinds()) {
    std::shared_ptr<store::Cache> cache = server_.caches().Find(kind->group, kind->resource);
    for (const Case& c : CasesOf(*kind)) {
      const store::Revision before = cache ? cache->revision() : 0;
      for (const Right& other : Others(*kind, c.right)) {
        rights_.Grant(other);
        Reply reply = Ask(c.method, c.target);
        EXPECT_EQ(reply.status, 403) << c.method << " " << c.target << " with " << other.ToString();
        EXPECT_EQ(json::FindString(json::Find(reply.Json(), "reason")), "Forbidden") << c.target;
      }
      if (cache) EXPECT_EQ(cache->revision(), before) << c.target;
      if (c.right.verb == "watch") continue;  // has no end
      rights_.Grant(c.right);
      EXPECT_EQ(Ask(c.method, c.target).status == 403, ActsByReading(c.right)) << c.method << " " << c.target;
    }
  }
}

}  // namespace
}  // namespace sampan::apiserver
