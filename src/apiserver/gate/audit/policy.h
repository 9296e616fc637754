// What of which request goes into the audit log: audit.k8s.io/v1 Policy. The first rule that matches a request decides; one
// that no rule matches is not logged.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/auth.h"
#include "base/error.h"

namespace sampan::apiserver::audit {

enum class Level : unsigned char { kNone, kMetadata, kRequest, kRequestResponse };
enum class Stage : unsigned char { kRequestReceived, kResponseStarted, kResponseComplete, kPanic };
inline constexpr std::array<std::string_view, 4> kLevelNames = {"None", "Metadata", "Request", "RequestResponse"};
inline constexpr std::array<std::string_view, 4> kStageNames = {"RequestReceived", "ResponseStarted", "ResponseComplete",
                                                                "Panic"};

class Stages {
 public:
  void Add(Stage stage) { bits_ |= 1u << static_cast<unsigned>(stage); }
  void Add(Stages others) { bits_ |= others.bits_; }
  bool Has(Stage stage) const { return (bits_ >> static_cast<unsigned>(stage) & 1u) != 0; }

 private:
  unsigned bits_ = 0;
};

struct GroupResources {
  std::string group;
  std::vector<std::string> resources;  // "pods", "pods/log", "pods/*", "*/scale", "*"; empty: all
  std::vector<std::string> names;
};

// Every condition that is not empty must hold.
struct Rule {
  Level level = Level::kNone;
  std::vector<std::string> users, groups, verbs, namespaces, non_resource_urls;
  std::vector<GroupResources> resources;
  Stages omitted;
  std::optional<bool> omit_managed_fields;
};

enum class ManagedFields : bool { kKept, kOmitted };

// What is logged of one request.
struct Verdict {
  Level level = Level::kNone;
  Stages omitted;
  ManagedFields managed_fields = ManagedFields::kKept;
};

// Immutable.
class Policy {
 public:
  // YAML or JSON. BadRequest with the field at fault, for what kube-apiserver refuses and for fields that nobody knows.
  static Result<Policy> Parse(std::string_view text);
  // Of a file; the error is one line and names what is wrong.
  static Result<std::shared_ptr<const Policy>> Load(const std::string& path);

  Verdict Decide(const auth::Attributes& attributes) const;

 private:
  std::vector<Rule> rules_;
  Stages omitted_;
  bool omit_managed_fields_ = false;
};

}  // namespace sampan::apiserver::audit
