#include "proxy/rule_set.h"

namespace sampan::proxy {

namespace {

// Gathers changes by kind and writes them in the order that makes one transaction of them: what is referred to is made
// first and removed last.
class Writer {
 public:
  explicit Writer(IpFamily family) : family_(family), table_(TableOf(family)) {}

  void AddElement(const Element& element, const std::string& value) {
    Append(added_[element.set], value.empty() ? element.key : fmt::format("{} : {}", element.key, value));
  }
  void DeleteElement(const Element& element) { Append(deleted_[element.set], element.key); }
  void AddFanout(const Fanout& fanout) { made_ += FanoutRules(fanout, family_); }
  void AddSet(const std::string& name, const std::string& declaration) {
    made_ += fmt::format("add set {} {} {{ {} }}\n", table_, name, declaration);
  }
  void PutChain(const std::string& name, const std::vector<std::string>& rules) {
    made_ += fmt::format("add chain {} {}\n", table_, name);
    rules_ += fmt::format("flush chain {} {}\n", table_, name);
    for (const std::string& rule : rules) rules_ += fmt::format("add rule {} {} {}\n", table_, name, rule);
  }
  void DeleteChain(const std::string& name) {
    rules_ += fmt::format("flush chain {} {}\n", table_, name);
    chains_swept_ += fmt::format("delete chain {} {}\n", table_, name);
  }
  void DeleteSet(const std::string& name) { sets_swept_ += fmt::format("delete set {} {}\n", table_, name); }

  Commands Take() && {
    std::string change = std::move(made_) + rules_;
    for (const auto& [set, keys] : deleted_) change += fmt::format("delete element {} {} {{ {} }}\n", table_, set, keys);
    for (const auto& [set, elements] : added_) change += fmt::format("add element {} {} {{ {} }}\n", table_, set, elements);
    return {std::move(change), std::move(chains_swept_) + sets_swept_};
  }

 private:
  static void Append(std::string& list, const std::string& item) {
    if (!list.empty()) list += ", ";
    list += item;
  }

  IpFamily family_;
  std::string table_;
  std::string made_, rules_, chains_swept_, sets_swept_;
  std::map<std::string, std::string> added_, deleted_;
};

void WriteChains(const ServiceRules& before, const ServiceRules& after, Writer& writer) {
  for (const auto& [name, declaration] : after.sets) {
    if (!before.sets.contains(name)) writer.AddSet(name, declaration);
  }
  for (const auto& [name, rules] : after.chains) {
    auto old = before.chains.find(name);
    if (old == before.chains.end() || old->second != rules) writer.PutChain(name, rules);
  }
  for (const auto& [name, rules] : before.chains) {
    if (!after.chains.contains(name)) writer.DeleteChain(name);
  }
  for (const auto& [name, declaration] : before.sets) {
    if (!after.sets.contains(name)) writer.DeleteSet(name);
  }
}

}  // namespace

void RuleSet::Touch(const Element& element, Touched& touched) const {
  auto claims = claims_.find(element);
  std::optional<std::string> value;
  if (claims != claims_.end()) value = claims->second.begin()->second;
  touched.try_emplace(element, std::move(value));
}

void RuleSet::Claim(const std::string& service, const ServiceRules& before, const ServiceRules& after, Touched& touched) {
  for (const auto& [element, value] : before.elements) {
    if (after.elements.contains(element)) continue;
    Touch(element, touched);
    auto claims = claims_.find(element);
    claims->second.erase(service);
    if (claims->second.empty()) claims_.erase(claims);
  }
  for (const auto& [element, value] : after.elements) {
    auto old = before.elements.find(element);
    if (old != before.elements.end() && old->second == value) continue;
    Touch(element, touched);
    claims_[element][service] = value;
  }
}

Commands RuleSet::Update(std::map<std::string, ServiceRules> services) {
  static const ServiceRules kNone;
  Writer writer(config_.family);
  Touched touched;
  for (auto& [name, after] : services) {
    auto found = services_.find(name);
    const ServiceRules& before = found == services_.end() ? kNone : found->second;
    if (before == after) continue;
    for (const Fanout& fanout : after.fanouts) {
      if (fanouts_.insert(fanout).second) writer.AddFanout(fanout);
    }
    WriteChains(before, after, writer);
    Claim(name, before, after, touched);
    if (!after.empty()) {
      services_[name] = std::move(after);
    } else if (found != services_.end()) {
      services_.erase(found);
    }
  }
  for (const auto& [element, before] : touched) {
    auto claims = claims_.find(element);
    const std::string* after = claims == claims_.end() ? nullptr : &claims->second.begin()->second;
    if (before && after != nullptr && *before == *after) continue;
    if (before) writer.DeleteElement(element);
    if (after != nullptr) writer.AddElement(element, *after);
  }
  return std::move(writer).Take();
}

std::string RuleSet::Render() const {
  Writer writer(config_.family);
  static const ServiceRules kNone;
  for (const Fanout& fanout : fanouts_) writer.AddFanout(fanout);
  for (const auto& [name, rules] : services_) WriteChains(kNone, rules, writer);
  for (const auto& [element, claims] : claims_) writer.AddElement(element, claims.begin()->second);
  return Remove(config_.family) + BaseRules(config_) + std::move(writer).Take().change;
}

std::string RuleSet::Remove(IpFamily family) {
  // Adding first makes the deletion sure to find one.
  return fmt::format("add table {0}\ndelete table {0}\n", TableOf(family));
}

const ServiceRules* RuleSet::Find(const std::string& service) const {
  auto found = services_.find(service);
  return found == services_.end() ? nullptr : &found->second;
}

}  // namespace sampan::proxy
