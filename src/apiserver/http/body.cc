#include "apiserver/http/body.h"

#include "api/protobuf.h"
#include "api/validation/causes.h"
#include "codec/yaml.h"

namespace sampan::apiserver {

Error BadOptions(const Exchange& exchange, api::Causes causes) {
  const std::string& verb = exchange.info().verb;
  std::string_view kind = "CreateOptions";
  if (verb == "update") kind = "UpdateOptions";
  if (verb == "patch") kind = "PatchOptions";
  return std::move(causes).ToError("meta.k8s.io", kind, "");
}

Result<api::Strictness> StrictnessOf(const Exchange& exchange) {
  std::string_view wish = exchange.query.Get("fieldValidation");
  if (wish.empty() || wish == "Warn") return api::Strictness::kWarn;
  if (wish == "Ignore") return api::Strictness::kIgnore;
  if (wish == "Strict") return api::Strictness::kStrict;
  api::Causes causes;
  causes.NotSupported(api::Path("fieldValidation"), wish, {"", "Ignore", "Strict", "Warn"});
  return Fail(BadOptions(exchange, std::move(causes)));
}

namespace {

Result<json::Value> ReadAs(const Exchange& exchange, const api::KindInfo& kind) {
  TRY(Encoding encoding, NegotiateBody(exchange.request.headers.Get("content-type")));
  api::DecodeOptions options;
  TRY(options.strictness, StrictnessOf(exchange));
  options.warnings = &exchange.asked->warnings;
  const std::string& body = exchange.body;
  if (encoding == Encoding::kJson) return api::DecodeBody(kind, body, options);
  if (encoding == Encoding::kProtobuf) {
    TRY(api::ProtobufBody opened, api::OpenProtobuf(body));
    TRY(json::Value value, api::FromProtobuf(*kind.type, opened));
    return api::DecodeObject(kind, std::move(value), options);
  }
  std::vector<std::string> duplicates;
  Result<json::Value> value = yaml::Parse(body, {.duplicates = &duplicates});
  if (!value && !value.error().Is(Reason::kBadRequest)) return Fail(value.error());
  if (!value) {
    return Fail(Error::BadRequest("the object provided is unrecognized (must be of type {}): {} ({})", kind.kind,
                                  value.error().message(), api::Excerpt(body)));
  }
  options.duplicates = &duplicates;
  return api::DecodeObject(kind, *std::move(value), options);
}

}  // namespace

Result<json::Value> ReadObject(const Exchange& exchange) {
  const Route& route = exchange.asked->route;
  TRY(json::Value object, ReadAs(exchange, *route.body));
  bool viewed = route.view != nullptr && route.body == route.view->kind;
  return viewed ? route.view->to_stored(object) : std::move(object);
}

Result<json::Value> ReadValue(const Exchange& exchange, std::vector<std::string>* duplicates) {
  const std::string& body = exchange.body;
  if (body.empty()) return json::Value();
  std::string_view type = exchange.request.headers.Get("content-type");
  if (type.find("yaml") != std::string_view::npos) return yaml::Parse(body, {.duplicates = duplicates});
  if (body.starts_with(api::kProtobufMagic)) {
    TRY(api::ProtobufBody opened, api::OpenProtobuf(body));
    const api::KindInfo* kind = api::FindKind("v1", opened.kind);
    if (kind == nullptr) return Fail(Error::BadRequest("no kind \"{}\" is registered for this request", opened.kind));
    return api::FromProtobuf(*kind->type, opened);
  }
  return json::Parse(body, {.duplicates = duplicates});
}

}  // namespace sampan::apiserver
