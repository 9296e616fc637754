#include "apiserver/http/encode.h"

#include "api/protobuf.h"
#include "api/table/table.h"
#include "apiserver/http/pretty.h"
#include "codec/yaml.h"

namespace sampan::apiserver {

namespace {

bool WantsPretty(const Exchange& exchange) {
  if (exchange.query.Has("pretty")) return exchange.query.Flag("pretty");
  std::string_view agent = exchange.request.headers.Get("user-agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla");
}

net::Response Respond(const Negotiated& form, int status, std::vector<net::Chunk> body) {
  net::Response response;
  response.status = status;
  response.headers.Add("content-type", std::string(form.ContentType()));
  response.headers.Add("cache-control", "no-cache, private");
  response.body = std::move(body);
  return response;
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

api::TableOptions TableOptionsOf(const Exchange& exchange, const Negotiated& form, WallTime now) {
  api::TableOptions options;
  options.now = now;
  options.api_version = "meta.k8s.io/" + form.shape_version;
  std::string_view include = exchange.query.Get("includeObject");
  if (include == "None") options.include = api::IncludeObject::kNone;
  if (include == "Object") options.include = api::IncludeObject::kObject;
  return options;
}

api::ListMeta MetaOf(const ListPage& page) {
  return {std::to_string(page.revision), page.continue_token, page.remaining};
}

std::string ListMetaJson(const ListPage& page) {
  std::string out = fmt::format(R"({{"resourceVersion":"{}")", page.revision);
  if (!page.continue_token.empty()) out += fmt::format(R"(,"continue":"{}")", page.continue_token);
  if (page.remaining >= 0) out += fmt::format(R"(,"remainingItemCount":{})", page.remaining);
  return out + "}";
}

std::vector<net::Chunk> SplicedList(const api::KindInfo& kind, ListPage page) {
  std::vector<net::Chunk> body;
  body.reserve(page.items.size() * 2 + 2);
  body.push_back(net::Chunk::Copy(fmt::format(R"({{"kind":"{}List","apiVersion":"{}","metadata":{},"items":[)", kind.kind,
                                              kind.ApiVersion(), ListMetaJson(page))));
  auto items = std::make_shared<const std::vector<ObjectPtr>>(std::move(page.items));
  for (const ObjectPtr& object : *items) {
    if (body.size() > 1) body.push_back(net::Chunk::Static(","));
    body.push_back({object->bytes(), items});
  }
  body.push_back(net::Chunk::Static("]}\n"));
  return body;
}

std::string ProtobufList(const api::KindInfo& kind, const ListPage& page) {
  std::string meta, message;
  json::Value list_meta(json::Object{{"resourceVersion", std::to_string(page.revision)}});
  if (!page.continue_token.empty()) list_meta.as_object()["continue"] = page.continue_token;
  if (page.remaining >= 0) list_meta.as_object()["remainingItemCount"] = page.remaining;
  api::AppendMessage(api::ListMetaType(), list_meta, meta);
  AppendProtoBytes(1, meta, message);
  std::string item;
  for (const ObjectPtr& object : page.items) {
    item.clear();
    api::AppendMessage(*kind.type, object->Parse(), item);
    AppendProtoBytes(2, item, message);
  }
  return api::WrapProtobuf(kind.ApiVersion(), kind.kind + "List", message);
}

// The kind as kube-apiserver calls it inside, for the texts that show that: "*core.ConfigMap".
std::string InternalName(const api::KindInfo& kind) {
  std::string_view group = kind.group.empty() || kind.group == "events.k8s.io" ? std::string_view("core") : kind.group;
  return fmt::format("*{}.{}", group.substr(0, group.find('.')), kind.kind);
}

Error WrongShape(std::string_view what) {
  return Error::NotAcceptable("you requested {}", what);
}

}  // namespace

void AppendProtoBytes(int field, std::string_view bytes, std::string& out) {
  out += static_cast<char>(field << 3 | 2);
  size_t length = bytes.size();
  for (; length >= 0x80; length >>= 7) out += static_cast<char>(length | 0x80);
  out += static_cast<char>(length);
  out += bytes;
}

Result<void> CheckInclude(const Exchange& exchange) {
  std::string_view include = exchange.query.Get("includeObject");
  if (include.empty() || include == "None" || include == "Metadata" || include == "Object") return {};
  return Fail(
      Error::BadRequest("Unable to convert to Table as requested: includeObject: Invalid value: \"{}\": must be "
                        "'Metadata', 'Object', 'None', or empty",
                        include));
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
    return Respond(form, status, {net::Chunk::Copy(std::move(text))});
  }
  if (form.shape == Shape::kPartialList) {
    return Fail(WrongShape(
        fmt::format("PartialObjectMetadataList, but the requested object is not a list ({})", InternalName(kind))));
  }
  if (form.shape != Shape::kObject) {
    std::string text;
    api::AppendPartialMetadata(object->Parse(), "meta.k8s.io/" + form.shape_version, text);
    TRY(text, Dress(exchange, form, std::move(text)));
    return Respond(form, status, {net::Chunk::Copy(std::move(text))});
  }
  if (form.encoding == Encoding::kProtobuf) {
    return Respond(form, status, {net::Chunk::Copy(api::ToProtobuf(*kind.type, object->Parse()))});
  }
  if (form.encoding == Encoding::kYaml || form.pretty || WantsPretty(exchange)) {
    TRY(std::string text, Dress(exchange, form, object->bytes()));
    return Respond(form, status, {net::Chunk::Copy(std::move(text))});
  }
  std::string_view bytes = object->bytes();
  return Respond(form, status, {net::Chunk{bytes, std::move(object)}, net::Chunk::Static("\n")});
}

Result<net::Response> EncodeValue(const Exchange& exchange, const api::KindInfo& kind, const json::Value& value,
                                  int status) {
  TRY(Negotiated form, NegotiateAccept(exchange.request.headers.Get("accept"), AllowShapes::kNo));
  if (form.encoding == Encoding::kProtobuf) {
    return Respond(form, status, {net::Chunk::Copy(api::ToProtobuf(*kind.type, value))});
  }
  TRY(std::string text, Dress(exchange, form, json::Serialize(value) + "\n"));
  return Respond(form, status, {net::Chunk::Copy(std::move(text))});
}

Result<net::Response> EncodeList(const Exchange& exchange, const api::KindInfo& kind, ListPage page, WallTime now) {
  TRY(Negotiated form, NegotiateFor(exchange));
  if (form.shape == Shape::kPartial) {
    return Fail(
        WrongShape(fmt::format("PartialObjectMetadata, but the requested object is a list ({}List)", InternalName(kind))));
  }
  if (exchange.view() != nullptr) {
    for (ObjectPtr& object : page.items) object = Published(exchange.view(), std::move(object));
  }
  if (form.shape != Shape::kObject) {
    std::string text;
    if (form.shape == Shape::kTable) {
      TRY_VOID(CheckInclude(exchange));
      api::AppendTable(kind, page.items, MetaOf(page), TableOptionsOf(exchange, form, now), text);
    } else {
      api::AppendPartialMetadataList(page.items, MetaOf(page), "meta.k8s.io/" + form.shape_version, text);
    }
    TRY(text, Dress(exchange, form, std::move(text)));
    return Respond(form, 200, {net::Chunk::Copy(std::move(text))});
  }
  if (form.encoding == Encoding::kProtobuf) {
    return Respond(form, 200, {net::Chunk::Copy(ProtobufList(kind, page))});
  }
  std::vector<net::Chunk> body = SplicedList(kind, std::move(page));
  if (form.encoding == Encoding::kJson && !form.pretty && !WantsPretty(exchange)) return Respond(form, 200, std::move(body));
  std::string text;
  for (const net::Chunk& chunk : body) text += chunk.data;
  TRY(text, Dress(exchange, form, std::move(text)));
  return Respond(form, 200, {net::Chunk::Copy(std::move(text))});
}

}  // namespace sampan::apiserver
