#include "apiserver/gate/audit/policy_reader.h"

#include <algorithm>
#include <fstream>

#include "api/validation/causes.h"
#include "codec/yaml.h"

namespace sampan::apiserver::audit {

namespace {

using api::Causes;
using api::Path;

constexpr size_t kMaxBytes = 1 << 20;

template <size_t N>
std::vector<std::string_view> Listed(const std::array<std::string_view, N>& names) {
  return {names.begin(), names.end()};
}

// Names each member that is none of `known`.
void RefuseUnknown(const json::Object& object, const Path* at, std::initializer_list<std::string_view> known,
                   Causes& causes) {
  for (const auto& [key, value] : object) {
    if (std::ranges::find(known, std::string_view(key)) != known.end()) continue;
    if (at == nullptr) {
      causes.Forbidden(Path(key), "unknown field");
    } else {
      causes.Forbidden(Path(*at, key), "unknown field");
    }
  }
}

std::vector<std::string> Strings(const json::Value& object, std::string_view key, const Path& at, Causes& causes) {
  std::vector<std::string> strings;
  const json::Value* list = json::Find(object, key);
  if (list == nullptr || list->is_null()) return strings;
  if (!list->is_array()) {
    causes.TypeInvalid(at, *list, "must be a list of strings");
    return strings;
  }
  for (size_t i = 0; i < list->get_array().size(); ++i) {
    const json::Value& item = list->get_array()[i];
    if (!item.is_string()) causes.TypeInvalid(Path(at, i), item, "must be a string");
    strings.emplace_back(json::FindString(&item));
  }
  return strings;
}

std::optional<bool> Bool(const json::Value& object, std::string_view key, const Path& at, Causes& causes) {
  const json::Value* value = json::Find(object, key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  causes.TypeInvalid(at, *value, "must be a boolean");
  return std::nullopt;
}

Stages ReadStages(const json::Value& object, const Path& at, Causes& causes) {
  Stages stages;
  std::vector<std::string> names = Strings(object, "omitStages", at, causes);
  for (size_t i = 0; i < names.size(); ++i) {
    auto found = std::ranges::find(kStageNames, names[i]);
    if (found == kStageNames.end()) {
      causes.NotSupported(Path(at, i), names[i], Listed(kStageNames));
    } else {
      stages.Add(static_cast<Stage>(found - kStageNames.begin()));
    }
  }
  return stages;
}

GroupResources ReadGroup(const json::Value& value, const Path& at, Causes& causes) {
  GroupResources group;
  if (!value.is_object()) {
    causes.TypeInvalid(at, value, "must be an object");
    return group;
  }
  RefuseUnknown(value.get_object(), &at, {"group", "resources", "resourceNames"}, causes);
  group.group = json::FindString(json::Find(value, "group"));
  group.resources = Strings(value, "resources", Path(at, "resources"), causes);
  group.names = Strings(value, "resourceNames", Path(at, "resourceNames"), causes);
  if (group.group.find('/') != std::string::npos) {
    causes.Invalid(Path(at, "group"), group.group, "must be a group without its version");
  }
  if (!group.names.empty() && group.resources.empty()) {
    causes.Invalid(Path(at, "resourceNames"), group.names[0], "using resourceNames requires at least one resource");
  }
  return group;
}

void CheckUrls(const Rule& rule, const Path& at, Causes& causes) {
  Path urls(at, "nonResourceURLs");
  if (!rule.non_resource_urls.empty() && (!rule.resources.empty() || !rule.namespaces.empty())) {
    causes.Invalid(urls, rule.non_resource_urls[0], "rules cannot apply to both regular resources and non-resource URLs");
  }
  for (size_t i = 0; i < rule.non_resource_urls.size(); ++i) {
    const std::string& url = rule.non_resource_urls[i];
    if (url == "*") continue;
    if (!url.starts_with('/')) {
      causes.Invalid(Path(urls, i), url, "non-resource URL rules must begin with a '/' character");
    } else if (url.find('*') < url.size() - 1) {
      causes.Invalid(Path(urls, i), url, "non-resource URL wildcards '*' must be the final character of the rule");
    }
  }
}

Rule ReadRule(const json::Value& value, const Path& at, Causes& causes) {
  Rule rule;
  if (!value.is_object()) {
    causes.TypeInvalid(at, value, "must be an object");
    return rule;
  }
  RefuseUnknown(value.get_object(), &at,
                {"level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages",
                 "omitManagedFields"},
                causes);
  std::string_view level = json::FindString(json::Find(value, "level"));
  auto found = std::ranges::find(kLevelNames, level);
  if (level.empty()) {
    causes.Required(Path(at, "level"));
  } else if (found == kLevelNames.end()) {
    causes.NotSupported(Path(at, "level"), level, Listed(kLevelNames));
  } else {
    rule.level = static_cast<Level>(found - kLevelNames.begin());
  }
  rule.users = Strings(value, "users", Path(at, "users"), causes);
  rule.groups = Strings(value, "userGroups", Path(at, "userGroups"), causes);
  rule.verbs = Strings(value, "verbs", Path(at, "verbs"), causes);
  rule.namespaces = Strings(value, "namespaces", Path(at, "namespaces"), causes);
  rule.non_resource_urls = Strings(value, "nonResourceURLs", Path(at, "nonResourceURLs"), causes);
  rule.omitted = ReadStages(value, Path(at, "omitStages"), causes);
  rule.omit_managed_fields = Bool(value, "omitManagedFields", Path(at, "omitManagedFields"), causes);
  const json::Value* resources = json::Find(value, "resources");
  Path list(at, "resources");
  if (resources != nullptr && resources->is_array()) {
    for (size_t i = 0; i < resources->get_array().size(); ++i) {
      rule.resources.push_back(ReadGroup(resources->get_array()[i], Path(list, i), causes));
    }
  } else if (resources != nullptr && !resources->is_null()) {
    causes.TypeInvalid(list, *resources, "must be a list");
  }
  CheckUrls(rule, at, causes);
  return rule;
}

PolicyDocument ReadDocument(const json::Value& value, Causes& causes) {
  PolicyDocument document;
  RefuseUnknown(value.get_object(), nullptr, {"apiVersion", "kind", "metadata", "omitStages", "omitManagedFields", "rules"},
                causes);
  document.omitted = ReadStages(value, Path("omitStages"), causes);
  document.omit_managed_fields = Bool(value, "omitManagedFields", Path("omitManagedFields"), causes).value_or(false);
  const json::Value* rules = json::Find(value, "rules");
  Path list("rules");
  if (rules == nullptr || !rules->is_array() || rules->get_array().empty()) {
    causes.Required(list, "a policy has at least one rule");
    return document;
  }
  for (size_t i = 0; i < rules->get_array().size(); ++i) {
    document.rules.push_back(ReadRule(rules->get_array()[i], Path(list, i), causes));
  }
  return document;
}

}  // namespace

Result<PolicyDocument> ReadPolicy(std::string_view text) {
  TRY(json::Value value, yaml::Parse(text, {}));
  if (!value.is_object()) return Fail(Error::BadRequest("no audit policy"));
  std::string_view version = json::FindString(json::Find(value, "apiVersion"));
  std::string_view kind = json::FindString(json::Find(value, "kind"));
  if (version != "audit.k8s.io/v1" || kind != "Policy") {
    return Fail(Error::BadRequest("apiVersion \"{}\", kind \"{}\": want audit.k8s.io/v1, Policy", version, kind));
  }
  Causes causes;
  PolicyDocument document = ReadDocument(value, causes);
  if (causes.empty()) return document;
  std::string faults;
  for (const ErrorCause& cause : causes.list()) {
    faults += fmt::format("{}{}: {}", faults.empty() ? "" : "; ", cause.field, cause.message);
  }
  return Fail(Error::BadRequest("{}", faults));
}

Result<std::string> ReadPolicyFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(Error::BadRequest("cannot read {}", path));
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Fail(Error::BadRequest("cannot read {}", path));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxBytes) return Fail(Error::BadRequest("{} is larger than a megabyte", path));
  return text;
}

}  // namespace sampan::apiserver::audit
