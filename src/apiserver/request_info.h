// What a request asks for, read from its method, path and query alone: the first thing the server computes and what
// authorization, limits, metrics and routing share. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/meta/field_selector.h"
#include "api/meta/label_selector.h"
#include "base/error.h"

namespace sampan::apiserver {

// The query's parameters in order, percent-decoded.
class Query {
 public:
  static Result<Query> Parse(std::string_view text);
  // The first value; "" when absent.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  std::vector<std::string_view> All(std::string_view name) const;
  // As Kubernetes reads a flag: absent, "false" in any case and "0" are false, anything else ("", "true", "1") is true.
  bool Flag(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

struct RequestInfo {
  // Below /api/<version>/... or /apis/<group>/<version>/... with a resource named.
  bool is_resource = false;
  // Resources: get, list, watch, create, update, patch, delete, deletecollection. Others: the method in lower case.
  std::string verb;
  std::string path;        // percent-decoded
  std::string api_prefix;  // "api" or "apis"; empty for other paths
  std::string group;
  std::string version;
  std::string namespace_;
  std::string resource;
  std::string subresource;
  std::string name;  // of the path; of a list or watch without one: the name that its field selector demands
  // Of list, watch and deletecollection. The paths /watch/... have none: they do not say which of the two they mean.
  api::FieldSelector fields;
  api::LabelSelector labels;
  std::string rest;  // what follows the subresource: "a/b" of .../pods/x/proxy/a/b

  // The resource as errors name it: "deployments.apps", "pods".
  std::string QualifiedResource() const { return group.empty() ? resource : resource + "." + group; }
  bool mutating() const { return verb != "get" && verb != "list" && verb != "watch" && verb != "head"; }
  // Requests that last as long as their client likes and do not count against the limits of requests in flight.
  bool long_running() const;
};

// BadRequest for a malformed path; NotFound and MethodNotAllowed for what no resource is served under.
Result<RequestInfo> ParseRequestInfo(std::string_view method, std::string_view path, const Query& query);

}  // namespace sampan::apiserver
