#include "api/apply/field_set.h"

namespace sampan::api {
namespace {

constexpr std::string_view kSelf = ".";

auto LowerBound(auto& children, std::string_view key) {
  return std::ranges::lower_bound(children, key, std::ranges::less(),
                                  [](const FieldSet::Child& child) { return std::string_view(child.key); });
}

bool KnownElement(std::string_view key) {
  return key.size() >= 2 && key[1] == ':' && (key[0] == 'f' || key[0] == 'k' || key[0] == 'v' || key[0] == 'i');
}

Result<void> Decode(const json::Value& value, FieldSet& set) {
  const json::Object* object = value.if_object();
  if (object == nullptr) return Fail(Error::BadRequest("fieldsV1: an object is expected"));
  set.children.reserve(object->size());
  for (const auto& member : *object) {
    std::string_view key = member.key();
    if (key == kSelf) {
      set.member = true;
      continue;
    }
    if (!KnownElement(key)) return Fail(Error::BadRequest("fieldsV1: {} is no path element", key));
    FieldSet::Child child{.key = std::string(key), .set = {}};
    TRY_VOID(Decode(member.value(), child.set));
    if (child.set.children.empty()) child.set.member = true;  // {} is the path itself
    set.children.push_back(std::move(child));
  }
  std::ranges::sort(set.children, {}, &FieldSet::Child::key);
  return {};
}

// function(child of a, the same key's set in b or null) for each child of `a`. Costs what the smaller side does, for the
// sets of many managers are each compared with the one set of what a write changes.
template <class Function>
void ForEachWith(const std::vector<FieldSet::Child>& a, const FieldSet& b, Function function) {
  if (a.size() < b.children.size() / 8) {
    for (const FieldSet::Child& child : a) function(child, b.Find(child.key));
    return;
  }
  auto j = b.children.begin();
  for (const FieldSet::Child& child : a) {
    while (j != b.children.end() && j->key < child.key) ++j;
    function(child, j != b.children.end() && j->key == child.key ? &j->set : nullptr);
  }
}

// k:{"name":"web","port":80} -> [name="web",port=80]
std::string Shown(std::string_view key) {
  std::string_view text = key.substr(2);
  switch (key[0]) {
    case 'f':
      return fmt::format(".{}", text);
    case 'v':
      return fmt::format("[={}]", text);
    case 'i':
      return fmt::format("[{}]", text);
    default:
      break;
  }
  boost::system::error_code error;
  json::Value keys = boost::json::parse(boost::json::string_view(text), error);
  if (error || !keys.is_object()) return fmt::format("[{}]", text);
  std::string shown;
  for (const auto& member : keys.get_object()) {
    shown +=
        fmt::format("{}{}={}", shown.empty() ? "" : ",", std::string_view(member.key()), json::Serialize(member.value()));
  }
  return fmt::format("[{}]", shown);
}

void Visit(const FieldSet& set, std::string& path, const std::function<void(const std::string&)>& visit) {
  if (set.member && !path.empty()) visit(path);
  for (const FieldSet::Child& child : set.children) {
    size_t length = path.size();
    path += Shown(child.key);
    Visit(child.set, path, visit);
    path.resize(length);
  }
}

}  // namespace

const FieldSet* FieldSet::Find(std::string_view key) const {
  auto it = LowerBound(children, key);
  return it == children.end() || it->key != key ? nullptr : &it->set;
}

FieldSet& FieldSet::Insert(std::string_view key) {
  // Most sets are built in order.
  if (children.empty() || children.back().key < key) return children.emplace_back(std::string(key), FieldSet()).set;
  auto it = LowerBound(children, key);
  if (it == children.end() || it->key != key) it = children.insert(it, {std::string(key), FieldSet()});
  return it->set;
}

bool FieldSet::Covers(const FieldSet& other) const {
  return DifferenceOf(other, *this).Empty();
}

bool FieldSet::operator==(const FieldSet& other) const {
  return member == other.member && children == other.children;
}

Result<FieldSet> FieldSet::FromFieldsV1(const json::Value& fields) {
  FieldSet set;
  TRY_VOID(Decode(fields, set));
  return set;
}

json::Value FieldSet::ToFieldsV1(boost::json::storage_ptr storage) const {
  json::Value value(boost::json::object_kind, storage);
  json::Object& object = value.get_object();
  if (children.empty()) return value;
  object.reserve(children.size() + 1);
  if (member) object.emplace(kSelf, json::Value(boost::json::object_kind, storage));
  for (const Child& child : children) object.emplace(child.key, child.set.ToFieldsV1(storage));
  return value;
}

FieldSet& FieldSet::Append(std::string key) {
  return children.emplace_back(std::move(key), FieldSet()).set;
}

void FieldSet::Settle() {
  if (std::ranges::adjacent_find(children, std::ranges::greater_equal(), &Child::key) == children.end()) return;
  std::ranges::stable_sort(children, {}, &Child::key);
  auto kept = children.begin();
  for (auto child = std::next(kept); child != children.end(); ++child) {
    if (child->key == kept->key) {
      kept->set = UnionOf(std::move(kept->set), child->set);
    } else if (++kept != child) {
      *kept = std::move(*child);
    }
  }
  children.erase(std::next(kept), children.end());
}

FieldSet UnionOf(FieldSet a, const FieldSet& b) {
  FieldSet result;
  result.member = a.member || b.member;
  result.children.reserve(std::max(a.children.size(), b.children.size()));
  auto i = a.children.begin();
  auto j = b.children.begin();
  while (i != a.children.end() || j != b.children.end()) {
    if (j == b.children.end() || (i != a.children.end() && i->key < j->key)) {
      result.children.push_back(std::move(*i++));
    } else if (i == a.children.end() || j->key < i->key) {
      result.children.push_back(*j++);
    } else {
      result.children.push_back({std::move(i->key), UnionOf(std::move(i->set), j->set)});
      ++i;
      ++j;
    }
  }
  return result;
}

// In pairs, and pairs of those: each path is copied log n times, where one after the other it would be n times.
FieldSet UnionOfAll(std::vector<FieldSet> sets) {
  while (sets.size() > 1) {
    const size_t half = (sets.size() + 1) / 2;
    for (size_t i = half; i < sets.size(); ++i) sets[i - half] = UnionOf(std::move(sets[i - half]), sets[i]);
    sets.resize(half);
  }
  return sets.empty() ? FieldSet() : std::move(sets.front());
}

FieldSet IntersectionOf(const FieldSet& a, const FieldSet& b) {
  const bool swap = a.children.size() > b.children.size();
  const FieldSet& small = swap ? b : a;
  FieldSet result;
  result.member = a.member && b.member;
  ForEachWith(small.children, swap ? a : b, [&](const FieldSet::Child& child, const FieldSet* other) {
    if (other == nullptr) return;
    FieldSet both = IntersectionOf(child.set, *other);
    if (!both.Empty()) result.children.push_back({child.key, std::move(both)});
  });
  return result;
}

FieldSet DifferenceOf(const FieldSet& a, const FieldSet& b) {
  FieldSet result;
  result.member = a.member && !b.member;
  ForEachWith(a.children, b, [&](const FieldSet::Child& child, const FieldSet* other) {
    FieldSet rest = other == nullptr ? child.set : DifferenceOf(child.set, *other);
    if (!rest.Empty()) result.children.push_back({child.key, std::move(rest)});
  });
  return result;
}

FieldSet RecursiveDifferenceOf(const FieldSet& a, const FieldSet& b) {
  if (b.member) return {};
  FieldSet result;
  result.member = a.member;
  ForEachWith(a.children, b, [&](const FieldSet::Child& child, const FieldSet* other) {
    FieldSet rest = other == nullptr ? child.set : RecursiveDifferenceOf(child.set, *other);
    if (!rest.Empty()) result.children.push_back({child.key, std::move(rest)});
  });
  return result;
}

size_t CountPaths(const FieldSet& set) {
  size_t count = 0;
  for (const FieldSet::Child& child : set.children) count += (child.set.member ? 1 : 0) + CountPaths(child.set);
  return count;
}

void ForEachPath(const FieldSet& set, const std::function<void(const std::string& path)>& visit) {
  std::string path;
  Visit(set, path, visit);
}

}  // namespace sampan::api
