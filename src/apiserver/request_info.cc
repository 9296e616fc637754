#include "apiserver/request_info.h"

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

// The name that a field selector pins, so that list and watch of one object can be authorized by its name.
std::string_view NameOfSelector(std::string_view selector) {
  while (!selector.empty()) {
    size_t comma = selector.find(',');
    std::string_view term = selector.substr(0, comma);
    if (term.starts_with("metadata.name=")) {
      term.remove_prefix(14);
      if (term.starts_with('=')) term.remove_prefix(1);
      return term;
    }
    if (comma == std::string_view::npos) break;
    selector.remove_prefix(comma + 1);
  }
  return {};
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
    if (key == name) return value != "false" && value != "0";
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
  info.verb = ResourceVerb(method);
  if (info.verb == "get" && old_watch) {
    info.verb = "watch";
  } else if (info.name.empty() && info.verb == "get") {
    info.verb = query.Flag("watch") ? "watch" : "list";
    info.name = NameOfSelector(query.Get("fieldSelector"));
  } else if (info.name.empty() && info.verb == "delete") {
    info.verb = "deletecollection";
  }
  return info;
}

}  // namespace sampan::apiserver
