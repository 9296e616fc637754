// Changes a program of requests as those who attack a server would: other callers, paths, parameters, headers, and bodies
// whose members are right for their kind, or nearly.
#pragma once

#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"
#include "api/protobuf.h"
#include "apiserver/testing/object_generator.h"
#include "apiserver/testing/request_program.h"
#include "codec/yaml.h"

namespace sampan::apiserver {

class ProgramMutator {
 public:
  // `bytes` changes a text in a way that knows nothing of its meaning.
  ProgramMutator(uint64_t seed, std::string (*bytes)(std::string text)) : random_(seed), bytes_(bytes) {}

  void Mutate(Program& program) {
    if (program.empty() || random_.Chance(12)) program.insert(program.begin() + AnyIndex(program.size() + 1), Fresh());
    const size_t at = AnyIndex(program.size());
    switch (random_.Below(16)) {
      case 0:
        program.insert(program.begin() + AnyIndex(program.size() + 1), ProgramRequest(program[at]));
        break;
      case 1:
        if (program.size() > 1) program.erase(program.begin() + at);
        break;
      case 2:
        std::swap(program[at], program[AnyIndex(program.size())]);
        break;
      case 3:
      case 4:
        program[at].caller = Any(kCallers);
        break;
      case 5:
        program[at].method = Any(kMethods);
        break;
      case 6:
      case 7:
      case 8:
        MutatePath(program[at]);
        break;
      case 9:
      case 10:
        MutateQuery(program[at]);
        break;
      case 11:
        MutateHeaders(program[at]);
        break;
      default:
        MutateBody(program[at]);
    }
  }

  size_t Below(size_t limit) { return random_.Below(limit); }

 private:
  static constexpr std::string_view kCallers[] = {"admin",  "anonymous", "guest",    "reader",
                                                  "narrow", "editor",    "delegate", "node"};
  static constexpr std::string_view kMethods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};
  static constexpr std::string_view kWords[] = {
      "api",     "apis",    "v1",       "namespaces", "default", "vault",       "kube-system", "kube-node-lease",
      "a",       "hidden",  "n1",       "n2",         "mine",    "theirs",      "web",         "new",
      "new2",    "robot",   "watch",    "proxy",      "log",     "status",      "scale",       "token",
      "exec",    "binding", "eviction", "finalize",   "narrow",  "%2F",         "..",          "%2e",
      "%ff",     "%00",     "",         "*",          "metrics", "healthz",     "readyz",      "livez",
      "v2",      "v3",      "openapi",  "version",    "logs",    ".well-known", "kubernetes",  "system:node",
      "approval"};
  static constexpr std::string_view kParameters[] = {"dryRun=All",
                                                     "dryRun=",
                                                     "fieldManager=one",
                                                     "fieldManager=%ff",
                                                     "force=true",
                                                     "fieldValidation=Strict",
                                                     "fieldValidation=Ignore",
                                                     "labelSelector=a%3Db",
                                                     "labelSelector=a%20in%20(b,c),!d",
                                                     "fieldSelector=metadata.name%3Da",
                                                     "fieldSelector=spec.nodeName%3Dn1",
                                                     "fieldSelector=metadata.namespace!%3Ddefault",
                                                     "fieldSelector=status.phase%3DRunning",
                                                     "limit=1",
                                                     "limit=-1",
                                                     "continue=x",
                                                     "resourceVersion=0",
                                                     "resourceVersion=1",
                                                     "resourceVersion=9223372036854775807",
                                                     "resourceVersionMatch=Exact",
                                                     "resourceVersionMatch=NotOlderThan",
                                                     "sendInitialEvents=true",
                                                     "allowWatchBookmarks=true",
                                                     "watch=1",
                                                     "timeoutSeconds=1",
                                                     "timeoutSeconds=-1",
                                                     "timeout=1s",
                                                     "timeout=1ns",
                                                     "gracePeriodSeconds=0",
                                                     "gracePeriodSeconds=-1",
                                                     "gracePeriodSeconds=9223372036854775807",
                                                     "propagationPolicy=Foreground",
                                                     "propagationPolicy=Orphan",
                                                     "propagationPolicy=Background",
                                                     "orphanDependents=true",
                                                     "uid=x",
                                                     "pretty=1",
                                                     "includeObject=Object",
                                                     "includeObject=None",
                                                     "command=a",
                                                     "container=c",
                                                     "tailLines=-1",
                                                     "follow=1",
                                                     "sinceTime=x",
                                                     "path=/",
                                                     "ports=80",
                                                     "verbose",
                                                     "exclude=ping",
                                                     "a=%zz",
                                                     "%00=1"};
  static constexpr std::string_view kHeaders[] = {
      "content-type: application/json",
      "content-type: application/yaml",
      "content-type: application/vnd.kubernetes.protobuf",
      "content-type: application/json-patch+json",
      "content-type: application/merge-patch+json",
      "content-type: application/strategic-merge-patch+json",
      "content-type: application/apply-patch+yaml",
      "content-type: text/plain",
      "content-type: application/json; charset=utf-8",
      "accept: application/yaml",
      "accept: application/vnd.kubernetes.protobuf",
      "accept: application/json;as=Table;v=v1;g=meta.k8s.io",
      "accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
      "accept: application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
      "accept: application/json;stream=watch",
      "accept: application/vnd.kubernetes.protobuf;stream=watch",
      "accept: */*",
      "accept: text/html;q=0.9, application/json;q=x",
      "accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
      "accept-encoding: gzip",
      "user-agent: kubectl/v1.36",
      "user-agent: \xff",
      "authorization: Bearer a.b.c",
      "authorization: Basic YTpi",
      "impersonate-user: guest",
      "impersonate-user: system:serviceaccount:default:robot",
      "impersonate-group: system:masters",
      "impersonate-uid: 1",
      "impersonate-extra-a%2fb: c",
      "connection: upgrade",
      "upgrade: SPDY/3.1",
      "upgrade: websocket",
      "sec-websocket-protocol: v5.channel.k8s.io",
      "audit-id: x",
      "origin: a"};

  template <size_t n>
  std::string Any(const std::string_view (&texts)[n]) {
    return std::string(texts[random_.Below(n)]);
  }
  ptrdiff_t AnyIndex(size_t size) { return static_cast<ptrdiff_t>(random_.Below(size)); }

  const api::KindInfo& AnyKind() { return *api::BuiltinKinds()[random_.Below(api::BuiltinKinds().size())]; }

  std::string AnyPath(const api::KindInfo& kind) {
    std::string path = kind.group.empty() ? "/api/" + kind.version : "/apis/" + kind.ApiVersion();
    if (random_.Chance(12)) path += "/watch";
    static constexpr std::string_view kNamespaces[] = {"default", "default", "default", "vault"};
    if (kind.namespaced() && !random_.Chance(8)) path += "/namespaces/" + Any(kNamespaces);
    path += "/" + kind.resource;
    if (random_.Chance(3)) return path;
    static constexpr std::string_view kNames[] = {"a", "hidden", "n1", "mine", "theirs", "web", "new", "robot", "default"};
    path += "/" + Any(kNames);
    if (!kind.subresources.empty() && random_.Chance(3)) {
      path += "/" + kind.subresources[random_.Below(kind.subresources.size())].name;
    }
    return path;
  }

  ProgramRequest Fresh() {
    const api::KindInfo& kind = AnyKind();
    ProgramRequest request{Any(kCallers), Any(kMethods), AnyPath(kind), {}, ""};
    if (request.method != "GET" && request.method != "HEAD") NewBody(request, kind);
    return request;
  }

  static std::pair<std::string, std::string> Split(const std::string& target) {
    const size_t question = std::min(target.find('?'), target.size());
    return {target.substr(0, question), target.substr(question)};
  }

  void MutatePath(ProgramRequest& request) {
    auto [path, query] = Split(request.target);
    if (random_.Chance(6)) {
      request.target = AnyPath(AnyKind()) + query;
      return;
    }
    std::vector<std::string> segments;
    for (std::string_view rest = std::string_view(path).substr(1); !rest.empty();) {
      segments.emplace_back(detail::TakeUntil(rest, "/"));
    }
    if (segments.empty()) segments.emplace_back();
    std::string& one = segments[AnyIndex(segments.size())];
    switch (random_.Below(6)) {
      case 0:
        segments.insert(segments.begin() + AnyIndex(segments.size() + 1), Any(kWords));
        break;
      case 1:
        segments.erase(segments.begin() + AnyIndex(segments.size()));
        break;
      case 2:
        one = AnyKind().resource;
        break;
      case 3:
        if (!one.empty()) one.replace(0, 1, fmt::format("%{:02x}", static_cast<unsigned char>(one[0])));
        break;
      default:
        one = Any(kWords);
    }
    request.target.clear();
    for (const std::string& segment : segments) request.target += "/" + segment;
    if (request.target.empty()) request.target = "/";
    request.target += query;
  }

  void MutateQuery(ProgramRequest& request) {
    auto [path, query] = Split(request.target);
    if (random_.Chance(5)) {
      request.target = path;
    } else if (random_.Chance(8)) {
      request.target = path + "?" + net::PercentEncode(bytes_(query));
    } else {
      request.target += (query.empty() ? "?" : "&") + Any(kParameters);
    }
  }

  void MutateHeaders(ProgramRequest& request) {
    auto& headers = request.headers;
    if (!headers.empty() && random_.Chance(3)) {
      headers.erase(headers.begin() + AnyIndex(headers.size()));
    } else if (!headers.empty() && random_.Chance(6)) {
      std::string& value = headers[AnyIndex(headers.size())].second;
      value = detail::Only(bytes_(value), &detail::IsValueByte);
    } else {
      std::string header = Any(kHeaders);
      std::string_view rest = header;
      std::string name(detail::TakeUntil(rest, ": "));
      SetHeader(request, std::move(name), std::string(rest));
    }
  }
  static void SetHeader(ProgramRequest& request, std::string name, std::string value) {
    std::erase_if(request.headers, [&](const auto& header) { return header.first == name; });
    request.headers.emplace_back(std::move(name), std::move(value));
  }

  const api::KindInfo& KindOf(const ProgramRequest& request) {
    for (const api::KindInfo* kind : api::BuiltinKinds()) {
      if (request.target.contains("/" + kind->resource)) return *kind;
    }
    return AnyKind();
  }

  void MutateBody(ProgramRequest& request) {
    if (random_.Chance(5)) {
      request.body = bytes_(request.body);
      return;
    }
    if (random_.Chance(10)) return NewBody(request, KindOf(request));
    auto value = json::Parse(request.body);
    if (!value) value = yaml::Parse(request.body);
    if (!value) return NewBody(request, KindOf(request));
    MutateValue(*value, *KindOf(request).type, 0);
    request.body = json::Serialize(*value);
  }

  void NewBody(ProgramRequest& request, const api::KindInfo& kind) {
    static constexpr std::string_view kNames[] = {"a", "new", "web", "n1", "mine"};
    const json::Value object = random_.Whole(kind, Any(kNames));
    static constexpr std::string_view kPatches[] = {"json-patch+json", "merge-patch+json", "strategic-merge-patch+json",
                                                    "apply-patch+yaml"};
    request.body = json::Serialize(object);
    if (request.method == "PATCH") {
      const std::string type = Any(kPatches);
      SetHeader(request, "content-type", "application/" + type);
      if (type == "json-patch+json") request.body = json::Serialize(PatchOf(object));
    } else if (random_.Chance(6)) {
      SetHeader(request, "content-type", "application/yaml");
      request.body = yaml::Serialize(object);
    } else if (random_.Chance(6)) {
      SetHeader(request, "content-type", "application/vnd.kubernetes.protobuf");
      request.body = api::ToProtobuf(*kind.type, object);
    }
  }

  json::Value PatchOf(const json::Value& object) {
    json::Array operations;
    static constexpr std::string_view kOperations[] = {"add", "replace", "remove", "test", "copy", "move"};
    static constexpr std::string_view kPaths[] = {"/metadata/labels/a", "/metadata",          "/spec", "/data/a",
                                                  "/spec/containers/0", "/spec/containers/-", "",      "/status",
                                                  "/metadata/name"};
    for (const auto& member : object.get_object()) {
      operations.push_back(
          json::Object{{"op", Any(kOperations)}, {"path", Any(kPaths)}, {"from", Any(kPaths)}, {"value", member.value()}});
    }
    return operations;
  }

  // One place of the value becomes another; `type` is what should stand there, as far as known.
  void MutateValue(json::Value& value, const api::Type& type, int depth) {
    if (value.is_object() && depth < 8) {
      json::Object& members = value.get_object();
      if (!members.empty() && !random_.Chance(4)) {
        auto& member = *(members.begin() + AnyIndex(members.size()));
        if (random_.Chance(12)) {
          const std::string key(member.key());
          members.erase(key);
          return;
        }
        const api::Field* field = type.IsObject() ? type.Find(member.key()) : nullptr;
        const api::Type* inner = field != nullptr ? field->type : type.element;
        return MutateValue(member.value(), inner != nullptr ? *inner : api::ScalarType(api::TypeKind::kAny), depth + 1);
      }
      if (type.IsObject() && !type.fields.empty()) {
        const api::Field& field = type.fields[random_.Below(type.fields.size())];
        members[field.name] = random_.Value(*field.type, 4);
        return;
      }
    }
    if (value.is_array() && depth < 8) {
      json::Array& elements = value.get_array();
      const api::Type& inner = type.element != nullptr ? *type.element : api::ScalarType(api::TypeKind::kAny);
      if (!elements.empty() && !random_.Chance(4)) {
        const size_t at = random_.Below(elements.size());
        if (random_.Chance(8)) return (void)elements.push_back(json::Value(elements[at]));
        return MutateValue(elements[at], inner, depth + 1);
      }
      elements.push_back(random_.Value(inner, 4));
      return;
    }
    value = random_.Value(type, 4);
  }

  ObjectGenerator random_;
  std::string (*bytes_)(std::string text);
};

}  // namespace sampan::apiserver
