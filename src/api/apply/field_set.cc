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

// The elements of two sorted lists of children, pairwise; a side is null where it lacks the key.
template <class Function>
void Zip(const std::vector<FieldSet::Child>& a, const std::vector<FieldSet::Child>& b, Function function) {
  auto i = a.begin();
  auto j = b.begin();
  while (i != a.end() || j != b.end()) {
    if (j == b.end() || (i != a.end() && i->key < j->key)) {
      function(i->key, &i->set, nullptr);
      ++i;
    } else if (i == a.end() || j->key < i->key) {
      function(j->key, nullptr, &j->set);
      ++j;
    } else {
      function(i->key, &i->set, &j->set);
      ++i;
      ++j;
    }
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

FieldSet UnionOf(FieldSet a, const FieldSet& b) {
  FieldSet result;
  result.member = a.member || b.member;
  result.children.reserve(a.children.size());
  Zip(a.children, b.children, [&](const std::string& key, const FieldSet* left, const FieldSet* right) {
    result.children.push_back({key, left == nullptr ? *right : right == nullptr ? *left : UnionOf(*left, *right)});
  });
  return result;
}

FieldSet IntersectionOf(const FieldSet& a, const FieldSet& b) {
  FieldSet result;
  result.member = a.member && b.member;
  Zip(a.children, b.children, [&](const std::string& key, const FieldSet* left, const FieldSet* right) {
    if (left == nullptr || right == nullptr) return;
    FieldSet both = IntersectionOf(*left, *right);
    if (!both.Empty()) result.children.push_back({key, std::move(both)});
  });
  return result;
}

FieldSet DifferenceOf(const FieldSet& a, const FieldSet& b) {
  FieldSet result;
  result.member = a.member && !b.member;
  Zip(a.children, b.children, [&](const std::string& key, const FieldSet* left, const FieldSet* right) {
    if (left == nullptr) return;
    FieldSet rest = right == nullptr ? *left : DifferenceOf(*left, *right);
    if (!rest.Empty()) result.children.push_back({key, std::move(rest)});
  });
  return result;
}

FieldSet RecursiveDifferenceOf(const FieldSet& a, const FieldSet& b) {
  if (b.member) return {};
  FieldSet result;
  result.member = a.member;
  Zip(a.children, b.children, [&](const std::string& key, const FieldSet* left, const FieldSet* right) {
    if (left == nullptr) return;
    FieldSet rest = right == nullptr ? *left : RecursiveDifferenceOf(*left, *right);
    if (!rest.Empty()) result.children.push_back({key, std::move(rest)});
  });
  return result;
}

void ForEachPath(const FieldSet& set, const std::function<void(const std::string& path)>& visit) {
  std::string path;
  Visit(set, path, visit);
}

}  // namespace sampan::api
