#include "api/table/printers.h"

namespace sampan::api::printers {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

constexpr Column kRoleColumns[] = {kName, {"Created At", "string", "When the role was created"}};
constexpr Column kBindingColumns[] = {
    kName,
    {"Role", "string", "The role that is granted"},
    kAge,
    {"Users", "string", "Users it is granted to", 1},
    {"Groups", "string", "Groups it is granted to", 1},
    {"ServiceAccounts", "string", "Service accounts it is granted to", 1},
};

void PrintRole(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, Text(object, "metadata", "creationTimestamp"));
}

std::string Subjects(const json::Value& binding, std::string_view kind) {
  std::string text;
  for (const json::Value& subject : List(binding, "subjects")) {
    if (Text(subject, "kind") != kind) continue;
    if (!text.empty()) text += ", ";
    if (kind == "ServiceAccount") text += fmt::format("{}/", Text(subject, "namespace"));
    text += Text(subject, "name");
  }
  return text;
}

void PrintBinding(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, fmt::format("{}/{}", Text(object, "roleRef", "kind"), Text(object, "roleRef", "name")));
  Put(cells, Age(object, now));
  for (std::string_view kind : {"User", "Group", "ServiceAccount"}) Put(cells, Subjects(object, kind));
}

}  // namespace

std::span<const Printer> RbacPrinters() {
  static constexpr Printer kPrinters[] = {{kGroup, "Role", kRoleColumns, PrintRole},
                                          {kGroup, "ClusterRole", kRoleColumns, PrintRole},
                                          {kGroup, "RoleBinding", kBindingColumns, PrintBinding},
                                          {kGroup, "ClusterRoleBinding", kBindingColumns, PrintBinding}};
  return kPrinters;
}

}  // namespace sampan::api::printers
