// The OpenAPI documents of the API, generated from the schema: /openapi/v2 (JSON and protobuf) and /openapi/v3.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/kind.h"

namespace sampan::api {

// Builds each document on its first request and keeps it compressed only, so that an idle server pays nothing.
// Thread-safe; a document is built at most once at a time.
class OpenApi {
 public:
  // `kinds` tells which kinds are served at the moment; `version` is info.version ("v1.36.0").
  OpenApi(std::function<std::vector<const KindInfo*>()> kinds, std::string version);
  ~OpenApi();

  struct Document {
    std::string gzip;  // the body under Content-Encoding: gzip
    std::string etag;  // quoted, strong: the hash of the plain body
    std::string hash;  // the same unquoted, as the v3 index's `hash` parameter
    size_t plain_size = 0;
  };
  using DocumentPtr = std::shared_ptr<const Document>;

  enum class Format : unsigned char {
    kJson,      // application/json
    kProtobuf,  // application/com.github.proto-openapi.spec.v2.v1.0+protobuf
  };

  DocumentPtr V2(Format format);

  // The index: {"paths":{"api/v1":{"serverRelativeURL":"/openapi/v3/api/v1?hash=..."},...}}.
  std::string V3Index();
  // `path` as in the index: "api/v1", "apis/apps/v1". Null when no such group and version is served. JSON only.
  DocumentPtr V3(std::string_view path);

  // The kinds changed (a custom resource came or went): documents are built anew on the next request.
  void Invalidate();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The body of a document for a client that does not take gzip.
std::string Inflate(const OpenApi::Document& document);

}  // namespace sampan::api
