#include "apiserver/http/encode.h"

#include "api/protobuf.h"
#include "apiserver/http/encode_parts.h"
#include "apiserver/http/pretty.h"
#include "codec/yaml.h"

namespace sampan::apiserver {

namespace {

// The kind as kube-apiserver calls it inside, for the texts that show that: "*core.ConfigMap".
std::string InternalName(const api::KindInfo& kind) {
  std::string_view group = kind.group.empty() || kind.group == "events.k8s.io" ? std::string_view("core") : kind.group;
  return fmt::format("*{}.{}", group.substr(0, group.find('.')), kind.kind);
}

// From JSON text to YAML or readable JSON, where that is wanted.
Result<std::string> Dress(const Exchange& exchange, const Negotiated& form, std::string text) {
  if (form.encoding == Encoding::kYaml) {
    TRY(json::Value value, json::Parse(text, {.max_bytes = text.size()}));
    return yaml::Serialize(value);
  }
  if (form.pretty || WantsPretty(exchange)) return Pretty(text);
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

}  // namespace

bool WantsPretty(const Exchange& exchange) {
  if (exchange.query.Has("pretty")) return exchange.query.Flag("pretty");
  std::string_view agent = exchange.request.headers.Get("user-agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla");
}

net::Response RespondIn(const Negotiated& form, int status, std::vector<net::Chunk> body) {
  net::Response response;
  response.status = status;
  response.headers.Add("content-type", std::string(form.ContentType()));
  response.headers.Add("cache-control", "no-cache, private");
  response.body = std::move(body);
  return response;
}

Result<void> CheckInclude(const Exchange& exchange) {
  std::string_view include = exchange.query.Get("includeObject");
  if (include.empty() || include == "None" || include == "Metadata" || include == "Object") return {};
  return Fail(
      Error::BadRequest("Unable to convert to Table as requested: includeObject: Invalid value: \"{}\": must be "
                        "'Metadata', 'Object', 'None', or empty",
                        include));
}

api::TableOptions TableOptionsOf(const Exchange& exchange, const Negotiated& form, WallTime now) {
  api::TableOptions options;
  options.now = now;
  options.api_version = "meta.k8s.io/" + form.shape_version;
  std::string_view include = exchange.query.Get("includeObject");
  if (include == "None") options.include = api::IncludeObject::kNone;
  if (include == "Object") options.include = api::IncludeObject::kObject;
  return options;
}

Error WrongShape(const api::KindInfo& kind, std::string_view wanted, std::string_view have) {
  return Error::NotAcceptable("you requested {}, but the requested object is {}", wanted,
                              fmt::format(fmt::runtime(have), InternalName(kind)));
}

void AppendProtoBytes(int field, std::string_view bytes, std::string& out) {
  out += static_cast<char>(field << 3 | 2);
  size_t length = bytes.size();
  for (; length >= 0x80; length >>= 7) out += static_cast<char>(length | 0x80);
  out += static_cast<char>(length);
  out += bytes;
}

Result<Negotiated> NegotiateFor(const Exchange& exchange) {
  return NegotiateAccept(exchange.request.headers.Get("accept"), AllowShapes::kYes);
}

net::Response EncodeError(const Exchange& exchange, const Error& error) {
  net::Response response = ErrorResponse(error);
  if (!WantsPretty(exchange)) return response;
  std::string text;
  for (const net::Chunk& chunk : response.body) text += chunk.data;
  response.body = {net::Chunk::Copy(Pretty(text))};
  return response;
}

Result<net::Response> EncodeObject(const Exchange& exchange, const api::KindInfo& kind, ObjectPtr object, int status,
                                   WallTime now) {
  TRY(Negotiated form, NegotiateFor(exchange));
  object = Published(exchange.view(), std::move(object));
  if (form.shape == Shape::kTable) {
    TRY_VOID(CheckInclude(exchange));
    std::string text;
    api::AppendTable(kind, std::span(&object, 1), {std::to_string(object->revision()), "", -1},
                     TableOptionsOf(exchange, form, now), text);
    TRY(text, Dress(exchange, form, std::move(text)));
    return RespondIn(form, status, {net::Chunk::Copy(std::move(text))});
  }
  if (form.shape == Shape::kPartialList) {
    return Fail(WrongShape(kind, "PartialObjectMetadataList", "not a list ({})"));
  }
  if (form.shape != Shape::kObject) {
    std::string text;
    api::AppendPartialMetadata(*object, "meta.k8s.io/" + form.shape_version, text);
    TRY(text, Dress(exchange, form, std::move(text)));
    return RespondIn(form, status, {net::Chunk::Copy(std::move(text))});
  }
  if (form.encoding == Encoding::kProtobuf) {
    return RespondIn(form, status, {net::Chunk::Copy(api::ToProtobuf(*kind.type, object->Parse()))});
  }
  if (form.encoding == Encoding::kYaml || form.pretty || WantsPretty(exchange)) {
    TRY(std::string text, Dress(exchange, form, object->bytes()));
    return RespondIn(form, status, {net::Chunk::Copy(std::move(text))});
  }
  std::string_view bytes = object->bytes();
  return RespondIn(form, status, {net::Chunk{bytes, std::move(object)}, net::Chunk::Static("\n")});
}

Result<net::Response> EncodeValue(const Exchange& exchange, const api::KindInfo& kind, const json::Value& value,
                                  int status) {
  TRY(Negotiated form, NegotiateAccept(exchange.request.headers.Get("accept"), AllowShapes::kNo));
  if (form.encoding == Encoding::kProtobuf) {
    return RespondIn(form, status, {net::Chunk::Copy(api::ToProtobuf(*kind.type, value))});
  }
  TRY(std::string text, Dress(exchange, form, json::Serialize(value) + "\n"));
  return RespondIn(form, status, {net::Chunk::Copy(std::move(text))});
}

}  // namespace sampan::apiserver
