#include "apiserver/auth/cover_check.h"

#include <algorithm>

#include "api/types/convert.h"

namespace sampan::apiserver::auth {

namespace {

using api::rbac::PolicyRule;

// Rules come in order, and one rule may name a value twice.
void AddId(std::vector<uint32_t>& ids, uint32_t rule) {
  if (ids.empty() || ids.back() != rule) ids.push_back(rule);
}

}  // namespace

CoverCheck::CoverCheck(const PolicyRules& held) {
  for (Axis* axis : {&verbs_, &groups_, &resources_, &names_, &paths_}) axis->all.resize(held.size());
  for (uint32_t i = 0; i < held.size(); ++i) {
    const PolicyRule& rule = held[i];
    Index(verbs_, Kind::kPlain, i, rule.verbs);
    Index(groups_, Kind::kPlain, i, rule.api_groups);
    Index(resources_, Kind::kResource, i, rule.resources);
    Index(paths_, Kind::kPath, i, rule.non_resource_urls);
    if (rule.resource_names.empty()) {
      names_.all[i] = true;
      names_.all_ids.push_back(i);
    } else {
      for (const std::string& name : rule.resource_names) AddId(names_.exact[name].ids, i);  // "*" is a name like others
    }
  }
  auto less = [](const Ids* a, const Ids* b) { return *a < *b; };
  std::set<const Ids*, decltype(less)> kinds;
  auto settle = [&](Table& table) {
    for (auto& [value, named] : table) named.alike = *kinds.insert(&named.ids).first;
  };
  for (Axis* axis : {&verbs_, &groups_, &resources_, &names_, &paths_}) {
    settle(axis->exact);
    settle(axis->tails);
    for (auto& [length, table] : axis->prefixes) settle(table);
  }
}

void CoverCheck::Index(Axis& axis, Kind kind, uint32_t rule, const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    const std::string_view text = value;
    if (text == "*" && !axis.all[rule]) {
      axis.all[rule] = true;
      axis.all_ids.push_back(rule);
    } else if (kind == Kind::kResource && text.starts_with("*/")) {
      AddId(axis.tails[text.substr(1)].ids, rule);
    } else if (kind == Kind::kPath && text.ends_with('*')) {
      AddId(axis.prefixes[text.size() - 1][text.substr(0, text.size() - 1)].ids, rule);
    }
    AddId(axis.exact[text].ids, rule);
  }
}

CoverCheck::Lists CoverCheck::ListsOf(const Axis& axis, Kind kind, std::string_view value) {
  Lists lists;
  auto add = [&](const Table& table, std::string_view key) {
    auto found = table.find(key);
    if (found != table.end()) lists.push_back(found->second.alike);
  };
  add(axis.exact, value);
  if (size_t slash = value.find('/'); kind == Kind::kResource && slash != std::string_view::npos) {
    add(axis.tails, value.substr(slash));
  }
  if (kind == Kind::kPath) {
    for (const auto& [length, table] : axis.prefixes) {
      if (length > value.size() || work_ > kMaxWork) break;
      add(table, value.substr(0, length));
      work_ += 1 + length / 64;
    }
  }
  std::ranges::sort(lists);
  return lists;
}

CoverCheck::Classes CoverCheck::ClassesOf(const Axis& axis, Kind kind, const std::vector<std::string>& values) {
  std::map<Lists, size_t> known;
  std::unordered_set<std::string_view> seen;
  Classes classes;
  for (const std::string& value : values) {
    if (!seen.insert(value).second) continue;
    auto [place, fresh] = known.emplace(ListsOf(axis, kind, value), classes.size());
    if (fresh) classes.push_back({place->first, {}});
    classes[place->second].values.push_back(value);
  }
  return classes;
}

// Whether one held rule has a value of each class.
bool CoverCheck::Covered(std::span<const Class* const> classes, std::span<const Axis* const> axes) {
  auto count = [&](size_t i) {
    size_t rules = axes[i]->all_ids.size();
    for (const Ids* list : classes[i]->lists) rules += list->size();
    return rules;
  };
  size_t fewest = 0;
  for (size_t i = 1; i < classes.size(); ++i) {
    if (count(i) < count(fewest)) fewest = i;
  }
  auto names = [](const Class& one, uint32_t rule) {
    return std::ranges::any_of(one.lists, [&](const Ids* list) { return std::ranges::binary_search(*list, rule); });
  };
  auto fits = [&](uint32_t rule) {
    ++work_;
    for (size_t i = 0; i < classes.size(); ++i) {
      if (!axes[i]->all[rule] && !names(*classes[i], rule)) return false;
    }
    return true;
  };
  ++work_;
  if (std::ranges::any_of(axes[fewest]->all_ids, fits)) return true;
  return std::ranges::any_of(classes[fewest]->lists, [&](const Ids* list) { return std::ranges::any_of(*list, fits); });
}

void CoverCheck::Add(const PolicyRule& wanted) {
  if (Full()) return;
  if (work_ > kMaxWork) return Report(wanted, {});
  if (!wanted.non_resource_urls.empty()) AddPaths(wanted);
  AddResources(wanted);
}

void CoverCheck::AddResources(const PolicyRule& wanted) {
  const Classes verbs = ClassesOf(verbs_, Kind::kPlain, wanted.verbs);
  const Classes groups = ClassesOf(groups_, Kind::kPlain, wanted.api_groups);
  const Classes resources = ClassesOf(resources_, Kind::kResource, wanted.resources);
  // A rule without names is for any name, and covered only by such.
  const bool any_name = wanted.resource_names.empty();
  const Classes names = any_name ? Classes{{{}, {""}}} : ClassesOf(names_, Kind::kPlain, wanted.resource_names);
  const Axis* axes[] = {&verbs_, &groups_, &resources_, &names_};
  for (const Class& group : groups) {
    for (const Class& resource : resources) {
      for (const Class& name : names) {
        std::vector<std::string_view> uncovered;
        for (const Class& verb : verbs) {
          if (work_ > kMaxWork) return Report(wanted, {});
          const Class* classes[] = {&verb, &group, &resource, &name};
          if (!Covered(classes, axes)) uncovered.insert(uncovered.end(), verb.values.begin(), verb.values.end());
        }
        if (uncovered.empty()) continue;
        for (std::string_view one_group : group.values) {
          for (std::string_view one_resource : resource.values) {
            for (std::string_view one_name : name.values) {
              if (Full()) return;
              PolicyRule subject{.api_groups = {std::string(one_group)}, .resources = {std::string(one_resource)}};
              if (!any_name) subject.resource_names.emplace_back(one_name);
              Report(subject, uncovered);
            }
          }
        }
      }
    }
  }
}

void CoverCheck::AddPaths(const PolicyRule& wanted) {
  const Classes verbs = ClassesOf(verbs_, Kind::kPlain, wanted.verbs);
  const Axis* axes[] = {&verbs_, &paths_};
  for (const Class& path : ClassesOf(paths_, Kind::kPath, wanted.non_resource_urls)) {
    std::vector<std::string_view> uncovered;
    for (const Class& verb : verbs) {
      if (work_ > kMaxWork) return Report(wanted, {});
      const Class* classes[] = {&verb, &path};
      if (!Covered(classes, axes)) uncovered.insert(uncovered.end(), verb.values.begin(), verb.values.end());
    }
    if (uncovered.empty()) continue;
    for (std::string_view one : path.values) {
      if (Full()) return;
      Report({.non_resource_urls = {std::string(one)}}, uncovered);
    }
  }
}

// `verbs` join those that `subject` has.
void CoverCheck::Report(const PolicyRule& subject, const std::vector<std::string_view>& verbs) {
  std::string key = api::ToJsonText(subject);
  auto [place, fresh] = by_subject_.emplace(std::move(key), missing_.size());
  if (fresh) {
    missing_.push_back(subject);
    shown_ += place->first.size();
  }
  std::vector<std::string>& all = missing_[place->second].verbs;
  std::unordered_set<std::string_view> known(all.begin(), all.end());
  for (std::string_view verb : verbs) {
    if (Full()) return;
    if (!known.insert(verb).second) continue;
    all.emplace_back(verb);
    shown_ += verb.size() + 3;
  }
}

PolicyRules CoverCheck::Take() && {
  return std::move(missing_);
}

}  // namespace sampan::apiserver::auth
