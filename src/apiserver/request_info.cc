#include "apiserver/request_info.h"

#include "api/meta/names.h"
#include "apiserver/errors.h"
#include "net/http.h"

namespace sampan::apiserver {

namespace {

std::vector<std::string_view> SplitPath(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    if (!part.empty()) parts.push_back(part);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view ResourceVerb(std::string_view method) {
  if (method == "GET" || method == "HEAD") return "get";
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return "";
}

bool SelectsObjects(std::string_view verb) {
  return verb == "list" || verb == "watch" || verb == "deletecollection";
}

// Malformed selectors demand nothing here; whoever selects by them refuses the request.
void ReadSelectors(const Query& query, RequestInfo& info) {
  if (Result<api::FieldSelector> fields = api::FieldSelector::Parse(query.Get("fieldSelector"))) {
    info.fields = *std::move(fields);
  }
  if (Result<api::LabelSelector> labels = api::LabelSelector::Parse(query.Get("labelSelector"))) {
    info.labels = *std::move(labels);
  }
}

// List and watch of the one object that the field selector pins are authorized by its name.
void ReadPinnedName(RequestInfo& info) {
  const std::string* name = info.fields.RequiredValue("metadata.name");
  if (name != nullptr && api::CheckPathSegmentName(*name).empty()) info.name = *name;
}

void ReadNamespaceAndResource(std::span<const std::string_view> parts, RequestInfo& info) {
  if (parts.empty()) return;
  if (parts[0] == "namespaces" && parts.size() > 1) {
    info.namespace_ = parts[1];
    // /namespaces/x and its own subresources are about the namespace itself.
    if (parts.size() > 2 && parts[2] != "status" && parts[2] != "finalize") parts = parts.subspan(2);
  }
  info.is_resource = true;
  info.resource = parts[0];
  if (parts.size() > 1) info.name = parts[1];
  if (parts.size() > 2) info.subresource = parts[2];
  if (parts.size() > 3) info.rest = std::string(parts[3].data(), parts.back().data() + parts.back().size());
}

// What no route leads to, whatever the resource: anything behind a subresource that is not proxied, and watches by the old
// path of anything but objects themselves.
Result<void> CheckRoute(std::string_view method, const RequestInfo& info, bool old_watch) {
  if (!info.rest.empty() && info.subresource != "proxy") return Fail(UnknownResourceError());
  if (!old_watch) return {};
  if (!info.subresource.empty()) return Fail(UnknownResourceError());
  if (method != "GET") return Fail(MethodNotAllowedError());
  return {};
}

}  // namespace

Result<Query> Query::Parse(std::string_view text) {
  Query query;
  if (text.empty()) return query;
  TRY(query.items_, net::ParseQuery(text));
  return query;
}

std::string_view Query::Get(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return value;
  }
  return {};
}

bool Query::Has(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return true;
  }
  return false;
}

std::vector<std::string_view> Query::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : items_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

bool Query::Flag(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return value != "0" && LowerCase(value) != "false";
  }
  return false;
}

bool RequestInfo::long_running() const {
  if (!is_resource) return false;
  if (verb == "watch") return true;
  return subresource == "exec" || subresource == "attach" || subresource == "portforward" || subresource == "log" ||
         subresource == "proxy";
}

Result<RequestInfo> ParseRequestInfo(std::string_view method, std::string_view path, const Query& query) {
  RequestInfo info;
  if (path.find('%') == std::string_view::npos) {
    info.path = path;
  } else {
    std::optional<std::string> decoded = net::PercentDecode(path, net::PlusIsSpace::kNo);
    if (!decoded) return Fail(Error::BadRequest("malformed path: {}", path));
    info.path = *std::move(decoded);
  }
  info.verb = LowerCase(method);

  std::vector<std::string_view> split = SplitPath(info.path);
  std::span<const std::string_view> parts = split;
  size_t head = 0;
  if (parts.size() >= 2 && parts[0] == "api") {
    info.api_prefix = "api";
    info.version = parts[1];
    head = 2;
  } else if (parts.size() >= 3 && parts[0] == "apis") {
    info.api_prefix = "apis";
    info.group = parts[1];
    info.version = parts[2];
    head = 3;
  } else {
    return info;
  }
  parts = parts.subspan(head);
  if (parts.empty()) return info;
  // /watch/ before the resource is the old spelling of ?watch=true.
  bool old_watch = parts[0] == "watch" && parts.size() > 1;
  if (old_watch) parts = parts.subspan(1);
  ReadNamespaceAndResource(parts, info);
  TRY_VOID(CheckRoute(method, info, old_watch));
  if (old_watch) {
    info.verb = "watch";
    return info;
  }
  info.verb = ResourceVerb(method);
  if (info.name.empty() && info.verb == "get") info.verb = query.Flag("watch") ? "watch" : "list";
  if (info.name.empty() && info.verb == "delete") info.verb = "deletecollection";
  if (SelectsObjects(info.verb)) ReadSelectors(query, info);
  if (info.verb == "list" || info.verb == "watch") ReadPinnedName(info);
  return info;
}

}  // namespace sampan::apiserver
