// Whether rules cover others without multiplying their lists out. Internal to auth/escalation.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/auth/rbac_index.h"

namespace sampan::apiserver::auth {

// A rule is a product of lists (verbs x groups x resources x names, or verbs x paths). Values of a list that the same held
// rules name cannot be told apart, so that the product of a few classes is looked at instead of the product of all values.
// The work is bounded whatever is asked.
class CoverCheck {
 public:
  explicit CoverCheck(const PolicyRules& held);  // borrowed

  void Add(const api::rbac::PolicyRule& wanted);
  // What was found to be uncovered, verbs put together by what they are for.
  PolicyRules Take() &&;

 private:
  using Ids = std::vector<uint32_t>;  // of held rules, sorted
  struct Named {
    Ids ids;
    const Ids* alike = nullptr;  // the one that stands for all equal lists
  };
  using Table = std::unordered_map<std::string_view, Named>;
  // Which held rules name a value of one of the lists.
  struct Axis {
    Table exact;
    Table tails;                       // resources: "/scale" of "*/scale"
    std::map<size_t, Table> prefixes;  // paths: of "/api/*", by length
    std::vector<bool> all;             // by rule: takes any value
    Ids all_ids;
  };
  enum class Kind : unsigned char { kPlain, kResource, kPath };
  // Besides the rules that take any value. Compared by address.
  using Lists = std::vector<const Ids*>;
  struct Class {
    Lists lists;
    std::vector<std::string_view> values;
  };
  using Classes = std::vector<Class>;

  static void Index(Axis& axis, Kind kind, uint32_t rule, const std::vector<std::string>& values);
  Lists ListsOf(const Axis& axis, Kind kind, std::string_view value);
  Classes ClassesOf(const Axis& axis, Kind kind, const std::vector<std::string>& values);
  bool Covered(std::span<const Class* const> classes, std::span<const Axis* const> axes);
  void AddResources(const api::rbac::PolicyRule& wanted);
  void AddPaths(const api::rbac::PolicyRule& wanted);
  void Report(const api::rbac::PolicyRule& subject, const std::vector<std::string_view>& verbs);
  bool Full() const { return shown_ >= kMaxShown; }

  static constexpr size_t kMaxShown = 32 * 1024;  // bytes of what is found
  static constexpr size_t kMaxWork = 400'000;     // looks at held rules

  Axis verbs_, groups_, resources_, names_, paths_;
  PolicyRules missing_;
  std::unordered_map<std::string, size_t> by_subject_;  // of missing_
  size_t shown_ = 0;
  size_t work_ = 0;
};

}  // namespace sampan::apiserver::auth
