#include "apiserver/http/negotiate.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace sampan::apiserver {

namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The first piece up to `separator`; removes it and the separator from `text`.
std::string_view Next(std::string_view& text, char separator) {
  size_t at = text.find(separator);
  std::string_view piece = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return Trim(piece);
}

struct Clause {
  std::string_view type;
  std::string_view as, g, v;
  int quality = 1000;
  bool pretty = false;
};

int ParseQuality(std::string_view text) {
  // "0.85": thousandths. Anything malformed counts as the least wish that is still a wish.
  if (text.starts_with('1')) return 1000;
  if (!text.starts_with("0")) return 1;
  int value = 0, scale = 100;
  for (char c : text.substr(std::min<size_t>(2, text.size()))) {
    if (c < '0' || c > '9' || scale == 0) break;
    value += (c - '0') * scale;
    scale /= 10;
  }
  return value;
}

std::vector<Clause> ParseAccept(std::string_view accept) {
  std::vector<Clause> clauses;
  while (!accept.empty()) {
    std::string_view item = Next(accept, ',');
    if (item.empty()) continue;
    Clause clause;
    clause.type = Next(item, ';');
    while (!item.empty()) {
      std::string_view parameter = Next(item, ';');
      std::string_view key = Next(parameter, '=');
      if (key == "as") clause.as = parameter;
      if (key == "g") clause.g = parameter;
      if (key == "v") clause.v = parameter;
      if (key == "pretty") clause.pretty = parameter == "1" || parameter == "true";
      if (key == "q") clause.quality = ParseQuality(parameter);
    }
    if (clause.quality == 0) continue;
    // Best first; equals stay in the client's order.
    auto place = std::upper_bound(clauses.begin(), clauses.end(), clause,
                                  [](const Clause& a, const Clause& b) { return a.quality > b.quality; });
    clauses.insert(place, clause);
  }
  return clauses;
}

std::optional<Encoding> EncodingOf(std::string_view type) {
  if (type == "application/json" || type == "*/*" || type == "application/*") return Encoding::kJson;
  if (type == "application/yaml") return Encoding::kYaml;
  if (type == "application/vnd.kubernetes.protobuf") return Encoding::kProtobuf;
  return std::nullopt;
}

std::optional<Shape> ShapeOf(const Clause& clause) {
  if (clause.as.empty()) return Shape::kObject;
  if (clause.g != "meta.k8s.io" || (clause.v != "v1" && clause.v != "v1beta1")) return std::nullopt;
  if (clause.as == "Table") return Shape::kTable;
  if (clause.as == "PartialObjectMetadata") return Shape::kPartial;
  if (clause.as == "PartialObjectMetadataList") return Shape::kPartialList;
  return std::nullopt;
}

}  // namespace

std::string_view Negotiated::ContentType() const {
  switch (encoding) {
    case Encoding::kJson:
      return "application/json";
    case Encoding::kYaml:
      return "application/yaml";
    case Encoding::kProtobuf:
      return "application/vnd.kubernetes.protobuf";
  }
  return "application/json";
}

Result<Negotiated> NegotiateAccept(std::string_view accept, AllowShapes shapes) {
  if (Trim(accept).empty() || accept == "application/json" || accept == "*/*") return Negotiated{};
  bool served = false;  // some type that the client takes, if not in the shape it asks for
  for (const Clause& clause : ParseAccept(accept)) {
    std::optional<Encoding> encoding = EncodingOf(clause.type);
    std::optional<Shape> shape = ShapeOf(clause);
    served = served || encoding;
    if (!encoding || !shape) continue;
    if (*shape != Shape::kObject && shapes == AllowShapes::kNo) continue;
    // The shapes are not served as protobuf; a client that prefers that gets its next choice.
    if (*shape != Shape::kObject && *encoding == Encoding::kProtobuf) continue;
    return Negotiated{*encoding, *shape, std::string(clause.v), clause.pretty};
  }
  constexpr std::string_view kTypes = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
  if (served) return Fail(Error::NotAcceptable("only the following media types are accepted: {}", kTypes));
  return Fail(Error::NotAcceptable("406: Not Acceptable\n\nAvailable representations: {}", kTypes).WithDetails({}));
}

Result<Encoding> NegotiateBody(std::string_view content_type) {
  std::string_view type = Next(content_type, ';');
  if (type.empty()) return Encoding::kJson;
  if (type == "application/json") return Encoding::kJson;
  if (type == "application/yaml") return Encoding::kYaml;
  if (type == "application/vnd.kubernetes.protobuf") return Encoding::kProtobuf;
  return Fail(Error::UnsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: application/json, "
      "application/yaml, application/vnd.kubernetes.protobuf"));
}

std::string_view AggregatedDiscoveryVersion(std::string_view accept) {
  for (const Clause& clause : ParseAccept(accept)) {
    if (clause.type != "application/json" && clause.type != "application/vnd.kubernetes.protobuf") continue;
    if (clause.as.empty()) return "";
    if (clause.type != "application/json") continue;
    if (clause.as != "APIGroupDiscoveryList" || clause.g != "apidiscovery.k8s.io") continue;
    if (clause.v == "v2") return "v2";
    if (clause.v == "v2beta1") return "v2beta1";
  }
  return "";
}

bool AcceptsGzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    std::string_view item = Next(accept_encoding, ',');
    std::string_view coding = Next(item, ';');
    if ((coding == "gzip" || coding == "*") && item != "q=0") return true;
  }
  return false;
}

}  // namespace sampan::apiserver
