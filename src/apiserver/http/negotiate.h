// Content negotiation: in which form a client wants its answer and in which form it sent its body. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace sampan::apiserver {

enum class Encoding : unsigned char { kJson, kYaml, kProtobuf };
enum class Shape : unsigned char { kObject, kTable, kPartial, kPartialList };

struct Negotiated {
  Encoding encoding = Encoding::kJson;
  Shape shape = Shape::kObject;
  std::string shape_version;  // "v1" or "v1beta1" of the Table or PartialObjectMetadata asked for
  bool pretty = false;        // "application/json;pretty=1"
  std::string_view ContentType() const;
};

enum class AllowShapes : bool { kNo, kYes };

// NotAcceptable with Kubernetes' list of media types when nothing that the client accepts can be served.
Result<Negotiated> NegotiateAccept(std::string_view accept, AllowShapes shapes);

// The form of a request body. An empty Content-Type is JSON. UnsupportedMediaType otherwise.
Result<Encoding> NegotiateBody(std::string_view content_type);

// What discovery is asked for: the aggregated document of a version ("v2", "v2beta1"), or "" for the plain one.
std::string_view AggregatedDiscoveryVersion(std::string_view accept);

// True when the client takes gzip.
bool AcceptsGzip(std::string_view accept_encoding);

}  // namespace sampan::apiserver
