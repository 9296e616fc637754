#include "apiserver/auth/aggregation.h"

#include <gtest/gtest.h>

#include "apiserver/auth/rule_text.h"

namespace sampan::apiserver::auth {
namespace {

using api::rbac::ClusterRole;

// `labels` are what it has, `chooses` the label by which it chooses others; empty: it has rules of its own.
ClusterRole Role(std::string name, std::vector<std::string> labels, std::string chooses, std::string_view resource) {
  ClusterRole role;
  role.metadata.name = std::move(name);
  for (std::string& label : labels) role.metadata.labels[std::move(label)] = "true";
  if (!resource.empty()) role.rules = Rules({{"core", resource, "get"}});
  if (chooses.empty()) return role;
  api::meta::LabelSelector selector;
  if (chooses != "*") selector.match_labels[std::move(chooses)] = "true";
  role.aggregation_rule.Ensure().cluster_role_selectors.push_back(std::move(selector));
  return role;
}

// "a:pods,nodes b:", of those that are made of others.
std::string Aggregated(const std::vector<ClusterRole>& roles) {
  std::vector<const ClusterRole*> all;
  for (const ClusterRole& role : roles) all.push_back(&role);
  const Aggregation aggregation(std::move(all));
  std::string text;
  for (const ClusterRole& role : roles) {
    if (!role.aggregation_rule) continue;
    text += (text.empty() ? "" : " ") + role.metadata.name + ":";
    std::string_view comma = "";
    for (const api::rbac::PolicyRule& rule : aggregation.RulesOf(role)) {
      text.append(std::exchange(comma, ",")).append(rule.resources.at(0));
    }
  }
  return text;
}

TEST(Aggregation, CollectsByLabelInTheOrderOfNames) {
  EXPECT_EQ(Aggregated({Role("b", {"x"}, "", "nodes"), Role("a", {"x"}, "", "pods"), Role("c", {"x"}, "", "pods"),
                        Role("d", {}, "", "secrets"), Role("all", {"x"}, "x", "services")}),
            "all:pods,nodes");
}

TEST(Aggregation, RolesStandForWhatTheyAreMadeOf) {
  EXPECT_EQ(
      Aggregated({Role("view", {"edit"}, "view", "stale"), Role("v", {"view"}, "", "pods"),
                  Role("edit", {"admin"}, "edit", ""), Role("e", {"edit"}, "", "secrets"), Role("admin", {}, "admin", "")}),
      "view:pods edit:secrets,pods admin:secrets,pods");
}

TEST(Aggregation, SettlesInACircle) {
  EXPECT_EQ(Aggregated({Role("a", {"x"}, "y", "left"), Role("b", {"y"}, "x", "right")}), "a: b:");
  EXPECT_EQ(Aggregated({Role("a", {"x"}, "*", "left"), Role("b", {"y"}, "x", "right"), Role("c", {"x"}, "", "pods"),
                        Role("d", {}, "", "nodes")}),
            "a:pods,nodes b:pods,nodes");
}

}  // namespace
}  // namespace sampan::apiserver::auth
