#include <array>

#include "api/types/core.h"
#include "apiserver/admission/admission.h"
#include "apiserver/errors.h"
#include "apiserver/registry/fields.h"
#include "apiserver/registry/registry.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kNotReady = "node.kubernetes.io/not-ready";
constexpr std::string_view kUnreachable = "node.kubernetes.io/unreachable";
constexpr int64_t kTolerationSeconds = 300;

// The classes that every cluster has. Others would be PriorityClass objects, which are not served.
struct PriorityClass {
  std::string_view name;
  int64_t value;
};
constexpr std::array<PriorityClass, 2> kPriorityClasses = {
    {{"system-cluster-critical", 2000000000}, {"system-node-critical", 2000001000}}};

bool Tolerates(const json::Array& tolerations, std::string_view taint) {
  for (const json::Value& toleration : tolerations) {
    std::string_view key = json::FindString(json::Find(toleration, "key"));
    std::string_view effect = json::FindString(json::Find(toleration, "effect"));
    if ((key.empty() || key == taint) && (effect.empty() || effect == "NoExecute")) return true;
  }
  return false;
}

void AddTolerations(json::Value& spec) {
  json::Array& tolerations = ArrayAt(spec, "tolerations");
  for (std::string_view taint : {kNotReady, kUnreachable}) {
    if (Tolerates(tolerations, taint)) continue;
    tolerations.push_back(json::Object{
        {"key", taint}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", kTolerationSeconds}});
  }
}

class PodDefaults final : public Admission {
 public:
  Phases Concerns(const WriteContext& context) const override {
    bool writes = context.intent == Intent::kCreate || context.intent == Intent::kUpdate;
    return {.mutate = writes && context.kind == &api::KindOf<api::core::Pod>() && context.subresource.empty()};
  }

  Task<Result<void>> Mutate(WriteContext* context, json::Value* object, const json::Value*) override {
    if (FindObject(*object, "spec") == nullptr) co_return Result<void>{};
    json::Value& spec = object->as_object()["spec"];
    if (context->intent == Intent::kCreate) co_return SetDefaults(*context, spec);
    AddTolerations(spec);  // a client that replaces the list keeps those
    co_return Result<void>{};
  }

 private:
  static Result<void> SetDefaults(const WriteContext& context, json::Value& spec) {
    TRY_VOID(CheckRuntimeClass(context, spec));
    AddTolerations(spec);
    return SetPriority(context, spec);
  }

  static Result<void> SetPriority(const WriteContext& context, json::Value& spec) {
    std::string_view name = json::FindString(json::Find(spec, "priorityClassName"));
    int64_t value = 0;
    if (!name.empty()) {
      auto found = std::find_if(kPriorityClasses.begin(), kPriorityClasses.end(),
                                [&](const PriorityClass& known) { return known.name == name; });
      if (found == kPriorityClasses.end()) {
        return Fail(
            ForbiddenError(*context.kind, context.name, fmt::format("no PriorityClass with name {} was found", name)));
      }
      value = found->value;
    }
    std::optional<int64_t> given = FindInt(json::Find(spec, "priority"));
    if (given && *given != value) {
      return Fail(ForbiddenError(*context.kind, context.name,
                                 fmt::format("the integer value of priority ({}) must not be provided in pod spec; priority "
                                             "admission controller computed {} from the given PriorityClass name",
                                             *given, value)));
    }
    json::Object& fields = spec.as_object();
    fields["priority"] = value;
    return SetPreemption(context, fields);
  }

  static Result<void> SetPreemption(const WriteContext& context, json::Object& spec) {
    constexpr std::string_view kPolicy = "PreemptLowerPriority";
    auto [given, added] = spec.emplace("preemptionPolicy", kPolicy);
    if (added || json::FindString(&given->value()) == kPolicy) return {};
    return Fail(ForbiddenError(*context.kind, context.name,
                               fmt::format("the string value of PreemptionPolicy ({}) must not be provided in pod spec; "
                                           "priority admission controller computed {} from the given PriorityClass name",
                                           json::FindString(&given->value()), kPolicy)));
  }

  // RuntimeClass is not served: no class exists, and an overhead is a class's alone.
  static Result<void> CheckRuntimeClass(const WriteContext& context, const json::Value& spec) {
    std::string_view name = json::FindString(json::Find(spec, "runtimeClassName"));
    if (!name.empty()) {
      return Fail(
          ForbiddenError(*context.kind, context.name, fmt::format("pod rejected: RuntimeClass \"{}\" not found", name)));
    }
    const json::Object* overhead = FindObject(spec, "overhead");
    if (overhead == nullptr || overhead->empty()) return {};
    return Fail(ForbiddenError(*context.kind, context.name,
                               "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"));
  }
};

}  // namespace

std::unique_ptr<Admission> NewPodDefaults() {
  return std::make_unique<PodDefaults>();
}

}  // namespace sampan::apiserver
