#include "apiserver/http/body.h"

#include "api/apply/managed_fields.h"
#include "api/protobuf.h"
#include "api/validation/causes.h"
#include "codec/yaml.h"

namespace sampan::apiserver {

namespace {

// The causes as the fault of the verb's options.
Error BadOptions(const Exchange& exchange, api::Causes causes) {
  const std::string& verb = exchange.info.verb;
  std::string_view kind = "CreateOptions";
  if (verb == "update") kind = "UpdateOptions";
  if (verb == "patch") kind = "PatchOptions";
  if (verb == "delete" || verb == "deletecollection") kind = "DeleteOptions";
  return std::move(causes).ToError("meta.k8s.io", kind, "");
}

}  // namespace

Result<api::Strictness> StrictnessOf(const Exchange& exchange) {
  std::string_view wish = exchange.query.Get("fieldValidation");
  if (wish.empty() || wish == "Warn") return api::Strictness::kWarn;
  if (wish == "Ignore") return api::Strictness::kIgnore;
  if (wish == "Strict") return api::Strictness::kStrict;
  api::Causes causes;
  causes.NotSupported(api::Path("fieldValidation"), wish, {"", "Ignore", "Strict", "Warn"});
  return Fail(BadOptions(exchange, std::move(causes)));
}

Result<bool> DryRunIn(const Exchange& exchange, const json::Array& wishes) {
  if (std::ranges::all_of(wishes, [](const json::Value& wish) { return wish == "All"; })) return !wishes.empty();
  api::Causes causes;
  causes.NotSupported(api::Path("dryRun"), json::Value(wishes), {"All"});
  return Fail(BadOptions(exchange, std::move(causes)));
}

Result<bool> DryRunOf(const Exchange& exchange) {
  json::Array wishes;
  for (std::string_view wish : exchange.query.All("dryRun")) wishes.emplace_back(wish);
  return DryRunIn(exchange, wishes);
}

Result<std::string> FieldManagerOf(const Exchange& exchange) {
  std::string_view name = exchange.query.Get("fieldManager");
  if (name.empty()) return api::ManagerFromUserAgent(exchange.request.headers.Get("user-agent"));
  api::Causes causes;
  api::ValidateFieldManager(name, causes);
  if (!causes.empty()) return Fail(BadOptions(exchange, std::move(causes)));
  return std::string(name);
}

Result<json::Value> ReadObject(const Exchange& exchange, const api::KindInfo& kind, std::vector<std::string>& warnings) {
  TRY(Encoding encoding, NegotiateBody(exchange.request.headers.Get("content-type")));
  api::DecodeOptions options;
  TRY(options.strictness, StrictnessOf(exchange));
  options.warnings = &warnings;
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

Result<json::Value> ReadStored(const Exchange& exchange, std::vector<std::string>& warnings) {
  TRY(json::Value object, ReadObject(exchange, exchange.kind(), warnings));
  return exchange.view == nullptr ? std::move(object) : exchange.view->to_stored(object);
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
