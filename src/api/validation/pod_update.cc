#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

constexpr std::string_view kUpdatable =
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

void Deadline(const View& now, const View& before, Causes& causes) {
  if (!before.Present()) return;
  if (!now.Present()) {
    causes.Invalid(now.path(), now.Value(), "must not update from a positive integer to nil value");
  } else if (now.Int() > before.Int()) {
    causes.Invalid(now.path(), now.Int(), "must be less than or equal to previous value");
  }
}

// A toleration without its seconds, for comparison.
std::string TolerationKey(const View& toleration) {
  json::Value copy = toleration.Value();
  if (copy.is_object()) copy.get_object().erase("tolerationSeconds");
  std::string key;
  for (std::string_view field : {"key", "operator", "value", "effect"}) {
    std::string_view text = json::FindString(json::Find(copy, field));
    key += field == "operator" && text.empty() ? "Equal" : text;
    key += '\0';
  }
  return key;
}

void AddedTolerations(const View& now, const View& before, Causes& causes) {
  std::set<std::string> kept;
  now.ForEach([&](const View& toleration) { kept.insert(TolerationKey(toleration)); });
  bool lost = false;
  before.ForEach([&](const View& toleration) { lost |= !kept.contains(TolerationKey(toleration)); });
  if (lost) causes.Forbidden(now.path(), "existing toleration can not be modified except its tolerationSeconds");
}

void Gates(const View& now, const View& before, Causes& causes) {
  std::set<std::string_view> known;
  before.ForEach([&](const View& gate) { known.insert(gate["name"].Str()); });
  now.ForEach([&](const View& gate) {
    std::string_view name = gate["name"].Str();
    if (known.contains(name)) return;
    causes.Forbidden(gate.path(), fmt::format("only deletion is allowed, but found new scheduling gate '{}'", name));
  });
}

bool SameCount(const View& now, const View& before, Causes& causes) {
  if (now.Size() == before.Size()) return true;
  causes.Forbidden(now.path(), "pod updates may not add or remove containers");
  return false;
}

// Writes into `spec` what an update may change, taken from `now`, so that any other difference shows.
void AllowChanges(json::Object& spec, const json::Object& now, bool gated) {
  for (std::string_view list : {"containers", "initContainers"}) {
    json::Value* before = spec.if_contains(list);
    const json::Value* after = now.if_contains(list);
    if (before == nullptr || after == nullptr || !before->is_array() || !after->is_array()) continue;
    for (size_t i = 0; i < std::min(before->get_array().size(), after->get_array().size()); ++i) {
      const json::Value* image = json::Find(after->get_array()[i], "image");
      if (image != nullptr && before->get_array()[i].is_object()) before->get_array()[i].get_object()["image"] = *image;
    }
  }
  std::vector<std::string_view> fields = {"activeDeadlineSeconds", "tolerations", "schedulingGates"};
  if (gated) fields.insert(fields.end(), {"nodeSelector", "affinity"});
  const json::Value* grace = spec.if_contains("terminationGracePeriodSeconds");
  const json::Value* new_grace = now.if_contains("terminationGracePeriodSeconds");
  bool was_negative = grace != nullptr && grace->is_int64() && grace->get_int64() < 0;
  if (was_negative && new_grace != nullptr && *new_grace == 1) fields.push_back("terminationGracePeriodSeconds");
  for (std::string_view field : fields) {
    if (const json::Value* value = now.if_contains(field)) {
      spec[field] = *value;
    } else {
      spec.erase(field);
    }
  }
}

// The names of the top-level fields that differ, for the message.
std::string Differences(const json::Object& a, const json::Object& b) {
  std::set<std::string_view> names;
  for (const auto& member : a) {
    const json::Value* other = b.if_contains(member.key());
    if (other == nullptr || !json::Equal(*other, member.value())) names.insert(member.key());
  }
  for (const auto& member : b) {
    if (!a.contains(member.key())) names.insert(member.key());
  }
  std::string text;
  for (std::string_view name : names) text += fmt::format("{}spec.{}", text.empty() ? "" : ", ", name);
  return text;
}

}  // namespace

void PodUpdate(const View& object, const View& old, Causes& causes) {
  View spec = object["spec"];
  View old_spec = old["spec"];
  View containers = spec["containers"];
  View init = spec["initContainers"];
  bool same_count = SameCount(containers, old_spec["containers"], causes);
  same_count &= SameCount(init, old_spec["initContainers"], causes);
  if (!same_count) return;
  Deadline(spec["activeDeadlineSeconds"], old_spec["activeDeadlineSeconds"], causes);
  AddedTolerations(spec["tolerations"], old_spec["tolerations"], causes);
  View old_gates = old_spec["schedulingGates"];
  Gates(spec["schedulingGates"], old_gates, causes);
  json::Value allowed = old_spec.Value();
  json::Value now = spec.Value();
  if (!allowed.is_object() || !now.is_object()) return;
  AllowChanges(allowed.get_object(), now.get_object(), !old_gates.Empty());
  if (json::Equal(allowed, now)) return;
  causes.Forbidden(spec.path(),
                   fmt::format("{}\n(changed: {})", kUpdatable, Differences(allowed.get_object(), now.get_object())));
}

void PodStatus(const View& object, const View& old, Causes& causes) {
  View status = object["status"];
  CheckName(status["nominatedNodeName"], names::Dns1123Subdomain, causes);
  View spec = object["spec"];
  View node = spec["nodeName"];
  View old_spec = old["spec"];
  if (node.Str() != old_spec["nodeName"].Str()) causes.Forbidden(node.path(), "may not be changed directly");
}

}  // namespace sampan::api::rules
