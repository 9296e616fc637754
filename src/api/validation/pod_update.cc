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
    causes.Forbidden(Path(gate.path(), "name"),
                     fmt::format("only deletion is allowed, but found new scheduling gate '{}'", name));
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
      if (!before->get_array()[i].is_object()) continue;
      json::Object& container = before->get_array()[i].get_object();
      container.erase("image");
      if (const json::Value* image = json::Find(after->get_array()[i], "image")) container["image"] = *image;
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

// The value a line a member, members by name.
void AppendLines(const json::Value& value, std::string label, std::string_view end, size_t depth,
                 std::vector<std::string>& lines) {
  const std::string indent(depth, ' ');
  if (value.is_object() && !value.get_object().empty()) {
    lines.push_back(fmt::format("{}{}{{", indent, label));
    std::map<std::string_view, const json::Value*> members;
    for (const auto& member : value.get_object()) members[member.key()] = &member.value();
    size_t left = members.size();
    for (const auto& [key, member] : members) {
      AppendLines(*member, fmt::format("\"{}\": ", key), --left == 0 ? "" : ",", depth + 1, lines);
    }
    lines.push_back(fmt::format("{}}}{}", indent, end));
  } else if (value.is_array() && !value.get_array().empty()) {
    lines.push_back(fmt::format("{}{}[", indent, label));
    size_t left = value.get_array().size();
    for (const json::Value& element : value.get_array()) AppendLines(element, "", --left == 0 ? "" : ",", depth + 1, lines);
    lines.push_back(fmt::format("{}]{}", indent, end));
  } else {
    lines.push_back(fmt::format("{}{}{}{}", indent, label, json::Serialize(value), end));
  }
}

// What differs, as one hunk of a unified diff from the first difference to the last.
std::string Differences(const json::Value& a, const json::Value& b) {
  constexpr size_t kContext = 3;
  std::vector<std::string> before, after;
  AppendLines(a, "", "", 0, before);
  AppendLines(b, "", "", 0, after);
  size_t same = 0;
  const size_t shorter = std::min(before.size(), after.size());
  while (same < shorter && before[same] == after[same]) ++same;
  size_t tail = 0;
  while (tail < shorter - same && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  const size_t from = same - std::min(same, kContext);
  const size_t behind = std::min(tail, kContext);
  std::string text = fmt::format("@@ -{},{} +{},{} @@\n", from + 1, before.size() - tail + behind - from, from + 1,
                                 after.size() - tail + behind - from);
  for (size_t i = from; i < same; ++i) text += fmt::format(" {}\n", before[i]);
  for (size_t i = same; i < before.size() - tail; ++i) text += fmt::format("-{}\n", before[i]);
  for (size_t i = same; i < after.size() - tail; ++i) text += fmt::format("+{}\n", after[i]);
  for (size_t i = after.size() - tail; i < after.size() - tail + behind; ++i) text += fmt::format(" {}\n", after[i]);
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
  causes.Forbidden(spec.path(), fmt::format("{}\n{}", kUpdatable, Differences(allowed, now)));
}

void PodStatus(const View& object, const View& old, Causes& causes) {
  View status = object["status"];
  CheckName(status["nominatedNodeName"], names::Dns1123Subdomain, causes);
  View ips = status["podIPs"];
  ips.ForEach([&](const View& entry) {
    std::string_view ip = entry["ip"].Str();
    if (auto fault = names::IpAddress(ip)) causes.Invalid(entry.path(), ip, *fault);
  });
  View spec = object["spec"];
  View node = spec["nodeName"];
  View old_spec = old["spec"];
  if (node.Str() != old_spec["nodeName"].Str()) causes.Forbidden(node.path(), "may not be changed directly");
}

}  // namespace sampan::api::rules
