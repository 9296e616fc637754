#include "apiserver/http/body.h"

#include "api/apply/managed_fields.h"
#include "api/protobuf.h"
#include "codec/yaml.h"

namespace sampan::apiserver {

namespace {

Error Unsupported(std::string_view parameter, std::string_view value, std::string_view supported) {
  return Error::Invalid("CreateOptions.meta.k8s.io \"\" is invalid: {}: Unsupported value: \"{}\": supported values: {}",
                        parameter, value, supported);
}

}  // namespace

Result<api::Strictness> StrictnessOf(const Query& query) {
  std::string_view wish = query.Get("fieldValidation");
  if (wish.empty() || wish == "Warn") return api::Strictness::kWarn;
  if (wish == "Ignore") return api::Strictness::kIgnore;
  if (wish == "Strict") return api::Strictness::kStrict;
  return Fail(Unsupported("fieldValidation", wish, "\"Ignore\", \"Strict\", \"Warn\""));
}

Result<bool> DryRunOf(const Query& query) {
  if (!query.Has("dryRun")) return false;
  for (std::string_view wish : query.All("dryRun")) {
    if (wish != "All") return Fail(Unsupported("dryRun", wish, "\"All\""));
  }
  return true;
}

Result<std::string> FieldManagerOf(const Exchange& exchange) {
  std::string_view name = exchange.query.Get("fieldManager");
  if (name.empty()) return api::ManagerFromUserAgent(exchange.request.headers.Get("user-agent"));
  TRY_VOID(api::ValidateFieldManager(name));
  return std::string(name);
}

Result<json::Value> ReadObject(const Exchange& exchange, const api::KindInfo& kind, std::vector<std::string>& warnings) {
  TRY(Encoding encoding, NegotiateBody(exchange.request.headers.Get("content-type")));
  api::DecodeOptions options;
  TRY(options.strictness, StrictnessOf(exchange.query));
  options.warnings = &warnings;
  const std::string& body = exchange.request.body;
  if (encoding == Encoding::kJson) return api::DecodeBody(kind, body, options);
  if (encoding == Encoding::kProtobuf) {
    TRY(api::ProtobufBody opened, api::OpenProtobuf(body));
    TRY(json::Value value, api::FromProtobuf(*kind.type, opened));
    return api::DecodeObject(kind, std::move(value), options);
  }
  TRY(json::Value value, yaml::Parse(body));
  return api::DecodeObject(kind, std::move(value), options);
}

Result<json::Value> ReadValue(const Exchange& exchange, std::vector<std::string>* duplicates) {
  const std::string& body = exchange.request.body;
  if (body.empty()) return json::Value();
  std::string_view type = exchange.request.headers.Get("content-type");
  if (type.find("yaml") != std::string_view::npos) return yaml::Parse(body);
  if (body.starts_with(api::kProtobufMagic)) {
    TRY(api::ProtobufBody opened, api::OpenProtobuf(body));
    const api::KindInfo* kind = api::FindKind("v1", opened.kind);
    if (kind == nullptr) return Fail(Error::BadRequest("no kind \"{}\" is registered for this request", opened.kind));
    return api::FromProtobuf(*kind->type, opened);
  }
  return json::Parse(body, {.duplicates = duplicates});
}

}  // namespace sampan::apiserver
