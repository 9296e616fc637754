#include "apiserver/http/discovery.h"

#include <algorithm>
#include <array>
#include <vector>

#include "codec/json.h"

namespace sampan::apiserver {

namespace {

// Groups in the order in which clients should prefer them; unlisted ones follow by name.
constexpr std::array<std::string_view, 22> kGroupOrder = {"apiregistration.k8s.io",
                                                          "apps",
                                                          "events.k8s.io",
                                                          "authentication.k8s.io",
                                                          "authorization.k8s.io",
                                                          "autoscaling",
                                                          "batch",
                                                          "certificates.k8s.io",
                                                          "networking.k8s.io",
                                                          "policy",
                                                          "rbac.authorization.k8s.io",
                                                          "storage.k8s.io",
                                                          "admissionregistration.k8s.io",
                                                          "apiextensions.k8s.io",
                                                          "scheduling.k8s.io",
                                                          "coordination.k8s.io",
                                                          "node.k8s.io",
                                                          "discovery.k8s.io",
                                                          "resource.k8s.io",
                                                          "flowcontrol.apiserver.k8s.io",
                                                          "internal.apiserver.k8s.io",
                                                          "storagemigration.k8s.io"};

size_t GroupRank(std::string_view group) {
  return static_cast<size_t>(std::find(kGroupOrder.begin(), kGroupOrder.end(), group) - kGroupOrder.begin());
}

struct VersionRank {
  int stability = 0;  // 2 stable, 1 beta, 0 alpha
  int major = 0;
  int minor = 0;
  auto operator<=>(const VersionRank&) const = default;
};

// "v1" > "v2beta1" > "v1beta2" > "v1alpha1".
VersionRank RankOf(std::string_view version) {
  VersionRank rank;
  auto number = [&version] {
    int value = 0;
    while (!version.empty() && version.front() >= '0' && version.front() <= '9') {
      value = value * 10 + (version.front() - '0');
      version.remove_prefix(1);
    }
    return value;
  };
  if (version.starts_with('v')) version.remove_prefix(1);
  rank.major = number();
  rank.stability = version.empty() ? 2 : version.starts_with("beta") ? 1 : 0;
  if (!version.empty()) {
    version.remove_prefix(std::min<size_t>(version.size(), rank.stability == 1 ? 4 : 5));
    rank.minor = number();
  }
  return rank;
}

std::vector<std::string_view> Groups(Kinds kinds) {
  std::vector<std::string_view> groups;
  for (const api::KindInfo* kind : kinds) {
    if (!kind->group.empty() && std::find(groups.begin(), groups.end(), kind->group) == groups.end()) {
      groups.push_back(kind->group);
    }
  }
  std::sort(groups.begin(), groups.end(),
            [](std::string_view a, std::string_view b) { return std::pair(GroupRank(a), a) < std::pair(GroupRank(b), b); });
  return groups;
}

std::vector<std::string_view> Versions(Kinds kinds, std::string_view group) {
  std::vector<std::string_view> versions;
  for (const api::KindInfo* kind : kinds) {
    if (kind->group == group && std::find(versions.begin(), versions.end(), kind->version) == versions.end()) {
      versions.push_back(kind->version);
    }
  }
  std::sort(versions.begin(), versions.end(), [](std::string_view a, std::string_view b) { return RankOf(a) > RankOf(b); });
  return versions;
}

std::vector<const api::KindInfo*> Resources(Kinds kinds, std::string_view group, std::string_view version) {
  std::vector<const api::KindInfo*> found;
  for (const api::KindInfo* kind : kinds) {
    if (kind->group == group && kind->version == version) found.push_back(kind);
  }
  std::sort(found.begin(), found.end(), [](const auto* a, const auto* b) { return a->resource < b->resource; });
  return found;
}

json::Array Strings(const std::vector<std::string>& items) {
  json::Array array;
  for (const std::string& item : items) array.emplace_back(item);
  return array;
}

json::Object GroupObject(Kinds kinds, std::string_view group) {
  json::Array versions;
  for (std::string_view version : Versions(kinds, group)) {
    versions.push_back(json::Object{{"groupVersion", fmt::format("{}/{}", group, version)}, {"version", version}});
  }
  json::Value preferred = versions.empty() ? json::Value(json::Object{}) : versions.front();
  return json::Object{{"name", group}, {"versions", std::move(versions)}, {"preferredVersion", std::move(preferred)}};
}

json::Object ResourceObject(const api::KindInfo& kind) {
  json::Object entry{{"name", kind.resource},
                     {"singularName", kind.singular},
                     {"namespaced", kind.namespaced()},
                     {"kind", kind.kind},
                     {"verbs", Strings(kind.verbs)}};
  if (!kind.short_names.empty()) entry["shortNames"] = Strings(kind.short_names);
  if (!kind.categories.empty()) entry["categories"] = Strings(kind.categories);
  return entry;
}

bool SameVersion(const api::KindInfo& kind, const api::KindInfo::Subresource& sub) {
  return sub.version.empty() || (sub.group == kind.group && sub.version == kind.version);
}

json::Object SubresourceObject(const api::KindInfo& kind, const api::KindInfo::Subresource& sub) {
  json::Object entry{{"name", kind.resource + "/" + sub.name}, {"singularName", ""}, {"namespaced", kind.namespaced()}};
  if (!SameVersion(kind, sub)) {
    entry["group"] = sub.group;
    entry["version"] = sub.version;
  }
  entry["kind"] = sub.kind;
  entry["verbs"] = Strings(sub.verbs);
  return entry;
}

json::Object ResponseKind(std::string_view group, std::string_view version, std::string_view kind) {
  return json::Object{{"group", group}, {"version", version}, {"kind", kind}};
}

json::Object AggregatedResource(const api::KindInfo& kind) {
  json::Object entry{{"resource", kind.resource},
                     {"responseKind", ResponseKind("", "", kind.kind)},
                     {"scope", kind.namespaced() ? "Namespaced" : "Cluster"},
                     {"singularResource", kind.singular},
                     {"verbs", Strings(kind.verbs)}};
  if (!kind.short_names.empty()) entry["shortNames"] = Strings(kind.short_names);
  if (!kind.categories.empty()) entry["categories"] = Strings(kind.categories);
  json::Array subresources;
  for (const api::KindInfo::Subresource& sub : kind.subresources) {
    bool same = SameVersion(kind, sub);
    subresources.push_back(
        json::Object{{"subresource", sub.name},
                     {"responseKind", ResponseKind(same ? "" : sub.group, same ? "" : sub.version, sub.kind)},
                     {"verbs", Strings(sub.verbs)}});
  }
  if (!subresources.empty()) entry["subresources"] = std::move(subresources);
  return entry;
}

json::Object AggregatedGroup(Kinds kinds, std::string_view group) {
  json::Array versions;
  for (std::string_view version : Versions(kinds, group)) {
    json::Array resources;
    for (const api::KindInfo* kind : Resources(kinds, group, version)) resources.push_back(AggregatedResource(*kind));
    versions.push_back(json::Object{{"version", version}, {"resources", std::move(resources)}, {"freshness", "Current"}});
  }
  json::Object metadata;
  if (!group.empty()) metadata["name"] = group;
  metadata["creationTimestamp"] = nullptr;
  return json::Object{{"metadata", std::move(metadata)}, {"versions", std::move(versions)}};
}

std::string Line(const json::Value& value) {
  std::string text = json::Serialize(value);
  text += '\n';
  return text;
}

}  // namespace

std::string ApiVersionsDocument(std::string_view server_address) {
  return Line(json::Object{{"kind", "APIVersions"},
                           {"versions", json::Array{"v1"}},
                           {"serverAddressByClientCIDRs",
                            json::Array{json::Object{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", server_address}}}}});
}

std::string ApiGroupListDocument(Kinds kinds) {
  json::Array groups;
  for (std::string_view group : Groups(kinds)) groups.push_back(GroupObject(kinds, group));
  return Line(json::Object{{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}});
}

std::string ApiGroupDocument(Kinds kinds, std::string_view group) {
  if (group.empty() || Versions(kinds, group).empty()) return {};
  json::Object document{{"kind", "APIGroup"}, {"apiVersion", "v1"}};
  for (auto& [key, value] : GroupObject(kinds, group)) document[key] = value;
  return Line(document);
}

std::string ApiResourceListDocument(Kinds kinds, std::string_view group, std::string_view version) {
  std::vector<const api::KindInfo*> found = Resources(kinds, group, version);
  if (found.empty()) return {};
  json::Array resources;
  for (const api::KindInfo* kind : found) {
    resources.push_back(ResourceObject(*kind));
    for (const api::KindInfo::Subresource& sub : kind->subresources) resources.push_back(SubresourceObject(*kind, sub));
  }
  return Line(json::Object{{"kind", "APIResourceList"},
                           {"apiVersion", "v1"},
                           {"groupVersion", found.front()->ApiVersion()},
                           {"resources", std::move(resources)}});
}

std::string AggregatedDocument(Kinds kinds, DiscoveryRoot root, std::string_view version) {
  json::Array items;
  if (root == DiscoveryRoot::kApi) {
    items.push_back(AggregatedGroup(kinds, ""));
  } else {
    for (std::string_view group : Groups(kinds)) items.push_back(AggregatedGroup(kinds, group));
  }
  return Line(json::Object{{"kind", "APIGroupDiscoveryList"},
                           {"apiVersion", fmt::format("apidiscovery.k8s.io/{}", version)},
                           {"metadata", json::Object{}},
                           {"items", std::move(items)}});
}

std::string EntityTag(std::string_view document) {
  // FNV-1a, 64 bits: tags tell versions of one document apart, they guard nothing.
  uint64_t hash = 14695981039346656037ULL;
  for (unsigned char c : document) hash = (hash ^ c) * 1099511628211ULL;
  return fmt::format("\"{:016X}\"", hash);
}

}  // namespace sampan::apiserver
