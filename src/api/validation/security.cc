// What pods and their containers may do, and what they are confined by.
#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

constexpr int64_t kMaxId = 2147483647;  // of users and groups

void UserIds(const View& context, Causes& causes) {
  InRange(context["runAsUser"], 0, kMaxId, causes);
  InRange(context["runAsGroup"], 0, kMaxId, causes);
}

void Seccomp(const View& profile, Causes& causes) {
  if (!profile.Present()) return;
  View type = profile["type"];
  RequireOneOf(type, {"Localhost", "RuntimeDefault", "Unconfined"}, causes);
  View local = profile["localhostProfile"];
  if (type.Str() == "Localhost") {
    if (local.Empty()) causes.Required(local.path(), "must be set when seccomp type is Localhost");
    RelativePath(local, causes);
  } else if (local.Present()) {
    causes.Invalid(local.path(), local.Value(), "can only be set when seccomp type is Localhost");
  }
}

void AppArmor(const View& profile, Causes& causes) {
  if (!profile.Present()) return;
  constexpr size_t kLongest = 4095;
  View type = profile["type"];
  View local = profile["localhostProfile"];
  if (type.Empty()) return causes.Required(type.path(), "type is required when appArmorProfile is set");
  if (type.Str() != "Localhost") {
    OneOf(type, {"Localhost", "RuntimeDefault", "Unconfined"}, causes);
    if (local.Present()) {
      causes.Invalid(local.path(), local.Value(), "can only be set when AppArmor type is Localhost");
    }
    return;
  }
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  std::string_view text = local.Str();
  if (text.empty()) {
    causes.Required(local.path(), "must be set when AppArmor type is Localhost");
  } else if (kSpace.find(text.front()) != kSpace.npos || kSpace.find(text.back()) != kSpace.npos) {
    causes.Invalid(local.path(), text, "must not be padded with whitespace");
  }
  if (text.size() > kLongest) causes.TooLong(local.path(), kLongest);
}

// Lower-case letters and digits in segments with '-' and '_' inside, joined by '.' or '/'.
bool IsSysctlName(std::string_view name) {
  auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool edge = true;  // at the beginning of a segment
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool separator = c == '.' || c == '/';
    if (!alphanumeric(c) && (edge || (!separator && c != '-' && c != '_'))) return false;
    if (separator && !alphanumeric(name[i - 1])) return false;
    edge = separator;
  }
  return !name.empty() && name.size() <= 253 && alphanumeric(name.back());
}

void Sysctls(const View& sysctls, Causes& causes) {
  std::set<std::string_view> seen;
  sysctls.ForEach([&](const View& sysctl) {
    View name = sysctl["name"];
    if (name.Empty()) {
      causes.Required(name.path());
    } else if (!IsSysctlName(name.Str())) {
      causes.Invalid(name.path(), name.Str(),
                     "must have at most 253 characters and match regex "
                     "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
    } else if (!seen.insert(name.Str()).second) {
      causes.Duplicate(name.path(), name.Str());
    }
  });
}

}  // namespace

void PodSecurity(const View& spec, Causes& causes) {
  View context = spec["securityContext"];
  InRange(context["fsGroup"], 0, kMaxId, causes);
  UserIds(context, causes);
  View groups = context["supplementalGroups"];
  groups.ForEach([&](const View& group) { InRange(group, 0, kMaxId, causes); });
  Sysctls(context["sysctls"], causes);
  OneOf(context["fsGroupChangePolicy"], {"Always", "OnRootMismatch"}, causes);
  Seccomp(context["seccompProfile"], causes);
  AppArmor(context["appArmorProfile"], causes);
  OneOf(context["supplementalGroupsPolicy"], {"Merge", "Strict"}, causes);
  if (spec["shareProcessNamespace"].True() && spec["hostPID"].True()) {
    causes.Invalid(Path(context.path(), "shareProcessNamespace"), true,
                   "ShareProcessNamespace and HostPID cannot both be enabled");
  }
}

void ContainerSecurity(const View& context, OwnUsers own_users, Causes& causes) {
  if (!context.Present()) return;
  UserIds(context, causes);
  View proc = context["procMount"];
  OneOf(proc, {"Default", "Unmasked"}, causes);
  if (proc.Str() == "Unmasked" && own_users == OwnUsers::kNo) {
    causes.Invalid(proc.path(), proc.Str(), "`hostUsers` must be false to use `Unmasked`");
  }
  Seccomp(context["seccompProfile"], causes);
  AppArmor(context["appArmorProfile"], causes);
  View escalation = context["allowPrivilegeEscalation"];
  if (!escalation.Present() || escalation.True()) return;
  if (context["privileged"].True()) {
    causes.Invalid(context.path(), context.Value(),
                   "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  }
  View capabilities = context["capabilities"];
  View added = capabilities["add"];
  added.ForEach([&](const View& capability) {
    if (capability.Str() != "CAP_SYS_ADMIN") return;
    causes.Invalid(context.path(), context.Value(),
                   "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
  });
}

}  // namespace sampan::api::rules
