#include "api/openapi/openapi.h"

#include <zlib.h>

#include "api/openapi/paths.h"
#include "api/openapi/protobuf.h"
#include "api/openapi/schemas.h"
#include "base/check.h"
#include "base/guarded.h"

namespace sampan::api {
namespace {

using openapi::Dialect;
using openapi::Schemas;

constexpr int kGzipWindow = 15 + 16;  // the largest window, with a gzip header
constexpr size_t kFirstBlock = 1 << 20;

std::string Gzip(std::string_view text) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, 6, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  out.shrink_to_fit();
  return out;
}

// 128 bits of FNV-1a: it tells one document of ours from the next, no more.
std::string HashOf(std::string_view text) {
  uint64_t a = 0xcbf29ce484222325;
  uint64_t b = 0x84222325cbf29ce4;
  for (char c : text) {
    a = (a ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    b = (b ^ static_cast<unsigned char>(c)) * 0x100000001b5;
  }
  return fmt::format("{:016X}{:016X}", a, b);
}

OpenApi::DocumentPtr Pack(std::string_view body) {
  auto document = std::make_shared<OpenApi::Document>();
  document->hash = HashOf(body);
  document->etag = fmt::format("\"{}\"", document->hash);
  document->gzip = Gzip(body);
  document->plain_size = body.size();
  return document;
}

// "api/v1", "apis/apps/v1"
std::string PathOf(const KindInfo& kind) {
  return fmt::format("{}/{}", kind.group.empty() ? "api" : "apis", kind.ApiVersion());
}

json::Value Make(Dialect dialect, const std::vector<const KindInfo*>& kinds, std::string_view version,
                 const boost::json::storage_ptr& storage) {
  Schemas schemas(dialect, storage);
  json::Object paths(storage);
  for (const KindInfo* kind : kinds) {
    if (kind->type == nullptr) continue;
    schemas.NameKind(*kind->type, kind->group, kind->version, kind->kind);
    if (const Type* list = FindType(fmt::format("{}List", kind->type->name))) {
      schemas.NameKind(*list, kind->group, kind->version, kind->kind + "List");
    }
    openapi::AddPaths(*kind, schemas, paths);
  }
  json::Object document(storage);
  bool v2 = dialect == Dialect::kV2;
  document.emplace(v2 ? "swagger" : "openapi", v2 ? "2.0" : "3.0.0");
  document.emplace("info", json::Object({{"title", "Kubernetes"}, {"version", boost::json::string_view(version)}}, storage));
  document.emplace("paths", std::move(paths));
  if (v2) {
    document.emplace("definitions", schemas.Definitions());
  } else {
    json::Object components(storage);
    components.emplace("schemas", schemas.Definitions());
    document.emplace("components", std::move(components));
  }
  return document;
}

}  // namespace

struct OpenApi::State {
  using Cache = std::map<std::string, DocumentPtr, std::less<>>;

  std::function<std::vector<const KindInfo*>()> kinds;
  std::string version;
  Guarded<Cache> cache;  // held while a document is built, so that it is built once

  DocumentPtr V2(Cache& documents, Format format) {
    std::string key = format == Format::kJson ? "v2" : "v2-protobuf";
    if (auto it = documents.find(key); it != documents.end()) return it->second;
    boost::json::monotonic_resource memory(kFirstBlock);
    json::Value document = Make(Dialect::kV2, kinds(), version, &memory);
    return documents[key] = Pack(format == Format::kJson ? json::Serialize(document) : openapi::ToProtobuf(document));
  }

  DocumentPtr V3(Cache& documents, std::string_view path) {
    if (auto it = documents.find(path); it != documents.end()) return it->second;
    std::vector<const KindInfo*> of_version;
    for (const KindInfo* kind : kinds()) {
      if (PathOf(*kind) == path) of_version.push_back(kind);
    }
    if (of_version.empty()) return nullptr;
    boost::json::monotonic_resource memory(kFirstBlock);
    return documents[std::string(path)] = Pack(json::Serialize(Make(Dialect::kV3, of_version, version, &memory)));
  }
};

OpenApi::OpenApi(std::function<std::vector<const KindInfo*>()> kinds, std::string version)
    : state_(std::make_unique<State>()) {
  state_->kinds = std::move(kinds);
  state_->version = std::move(version);
}

OpenApi::~OpenApi() = default;

OpenApi::DocumentPtr OpenApi::V2(Format format) {
  return state_->V2(*state_->cache.Lock(), format);
}

OpenApi::DocumentPtr OpenApi::V3(std::string_view path) {
  return state_->V3(*state_->cache.Lock(), path);
}

std::string OpenApi::V3Index() {
  auto cache = state_->cache.Lock();
  std::set<std::string> paths;
  for (const KindInfo* kind : state_->kinds()) paths.insert(PathOf(*kind));
  std::string index = R"({"paths":{)";
  for (const std::string& path : paths) {
    DocumentPtr document = state_->V3(*cache, path);
    if (document == nullptr) continue;
    if (index.back() != '{') index += ',';
    index += fmt::format(R"("{0}":{{"serverRelativeURL":"/openapi/v3/{0}?hash={1}"}})", path, document->hash);
  }
  return index + "}}";
}

void OpenApi::Invalidate() {
  state_->cache.Lock()->clear();
}

std::string Inflate(const OpenApi::Document& document) {
  std::string out(document.plain_size, '\0');
  z_stream stream{};
  CHECK(inflateInit2(&stream, kGzipWindow) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(document.gzip.data()));
  stream.avail_in = static_cast<uInt>(document.gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  int result = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  CHECK(result == Z_STREAM_END);
  return out;
}

}  // namespace sampan::api
