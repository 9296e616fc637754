#include "apiserver/gate/audit/trail.h"

#include "apiserver/errors.h"
#include "apiserver/gate/delete_options.h"
#include "apiserver/turn.h"
#include "codec/utf8.h"

namespace sampan::apiserver::audit {

namespace {

void AppendText(std::string_view key, std::string_view value, std::string& out) {
  if (value.empty()) return;
  if (out.back() != '{') out += ',';
  json::AppendQuoted(key, out);
  out += ':';
  json::AppendQuoted(value, out);
}

void AppendJson(std::string_view key, std::string_view value, std::string& out) {
  if (value.empty()) return;
  if (out.back() != '{') out += ',';
  json::AppendQuoted(key, out);
  out += ':';
  while (value.ends_with('\n')) value.remove_suffix(1);
  out += value;
}

std::string List(const std::vector<std::string>& texts) {
  if (texts.empty()) return {};
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    json::AppendQuoted(text, out);
  }
  return out + "]";
}

std::string UserJson(const auth::UserInfo& user) {
  std::string out = "{";
  AppendText("username", user.name, out);
  AppendText("uid", user.uid, out);
  AppendJson("groups", List(user.groups), out);
  if (!user.extra.empty()) {
    std::string extra = "{";
    for (const auto& [key, values] : user.extra) AppendJson(key, List(values), extra);
    AppendJson("extra", extra + "}", out);
  }
  return out + "}";
}

// A Status as events have it: without its kind.
std::string StatusJson(std::string_view status) {
  constexpr std::string_view kEnvelope = R"("kind":"Status","apiVersion":"v1",)";
  std::string out(status);
  size_t at = out.find(kEnvelope);
  if (at != std::string::npos) out.erase(at, kEnvelope.size());
  return out;
}

void DropManagedFields(json::Value& object) {
  if (!object.is_object()) return;
  json::Value* metadata = object.get_object().if_contains("metadata");
  if (metadata != nullptr && metadata->is_object()) metadata->get_object().erase("managedFields");
  json::Value* items = object.get_object().if_contains("items");
  if (items == nullptr || !items->is_array()) return;
  for (json::Value& item : items->get_array()) DropManagedFields(item);
}

}  // namespace

Trail::Trail(const Options& options, Clock& clock, const ApiRequest& request)
    : options_(options), clock_(clock), request_(request), received_(clock.Now()) {}

void Trail::Received() {
  verdict_ = options_.policy->Decide(AttributesOf(request_));
  if (!logs()) return;
  const RequestInfo& info = request_.info;
  subject_ = {info.name, info.namespace_, "", ""};
  Tell(Stage::kRequestReceived);
}

void Trail::Unauthenticated(const Error& error) {
  verdict_ = options_.policy->Decide(AttributesOf(request_));
  if (!logs()) return;
  subject_ = {request_.info.name, request_.info.namespace_, "", ""};
  failure_ = FailureStatus(error);
  Tell(Stage::kResponseStarted);
  verdict_.level = Level::kNone;
}

void Trail::Authorized(const auth::Decision& decision) {
  annotations_ = "{";
  AppendText("authorization.k8s.io/decision", decision.allowed ? "allow" : "forbid", annotations_);
  if (annotations_.back() != '{') annotations_ += ',';
  annotations_ += "\"authorization.k8s.io/reason\":";
  json::AppendQuoted(decision.reason, annotations_);
  annotations_ += '}';
}

std::string Trail::Shown(const json::Value& object) const {
  if (verdict_.managed_fields == ManagedFields::kKept) return json::Serialize(object);
  json::Value shown = object;
  DropManagedFields(shown);
  return json::Serialize(shown);
}

void Trail::Decoded() {
  const json::Value* body = nullptr;
  const Operation& operation = request_.operation;
  if (const auto* create = std::get_if<CreateOperation>(&operation)) body = &create->body;
  if (const auto* update = std::get_if<UpdateOperation>(&operation)) body = &update->body;
  if (body != nullptr) {
    auto fill = [&](std::string& into, std::string_view key) {
      if (into.empty()) into = json::FindString(json::Find(*body, "metadata", key));
    };
    fill(subject_.name, "name");
    fill(subject_.namespace_, "namespace");
    fill(subject_.uid, "uid");
    fill(subject_.revision, "resourceVersion");
  }
  if (const auto* patch = std::get_if<PatchOperation>(&operation)) body = &patch->patch.patch;
  if (!Wants(Level::kRequest)) return;
  if (body != nullptr) sent_ = Shown(*body);
  if (const auto* deletion = std::get_if<DeleteOperation>(&operation)) sent_ = json::Serialize(DeleteOptionsOf(*deletion));
}

void Trail::Started() {
  Tell(Stage::kResponseStarted);
}

std::string Trail::Shown(const api::Object& object) const {
  return verdict_.managed_fields == ManagedFields::kKept ? std::string(object.bytes()) : Shown(object.Parse());
}

std::string Trail::ShownItem(const api::Object& object) const {
  if (verdict_.managed_fields == ManagedFields::kKept) return fmt::format("{{{}", object.Untyped());
  json::Value item = object.Parse();
  item.get_object().erase("kind");
  item.get_object().erase("apiVersion");
  return Shown(item);
}

Task<void> Trail::ShowList(const ListPage* page) {
  const api::KindInfo& kind = request_.kind();
  answered_ = fmt::format(R"({{"kind":"{}List","apiVersion":"{}","metadata":{{"resourceVersion":"{}"}},"items":[)",
                          kind.kind, kind.ApiVersion(), page->revision);
  Turn turn;
  for (const ObjectPtr& item : page->items) {
    if (answered_.back() != '[') answered_ += ',';
    answered_ += ShownItem(*Published(request_.route.view, item));
    if (turn.Spent(2 * item->bytes().size())) co_await Yield();
  }
  answered_ += "]}";
}

Task<void> Trail::Outcome(const Result<apiserver::Outcome>* outcome) {
  if (!*outcome) {
    failure_ = FailureStatus(outcome->error());
    if (Wants(Level::kRequestResponse)) answered_ = failure_;
    co_return;
  }
  const apiserver::Outcome& got = **outcome;
  if (const auto* done = std::get_if<DoneOutcome>(&got)) {
    const api::KindInfo& kind = request_.kind();
    failure_ = SuccessStatus({done->object->name(), kind.group, kind.resource, done->object->uid()});
    if (Wants(Level::kRequestResponse)) answered_ = failure_;
  }
  if (!Wants(Level::kRequestResponse)) co_return;
  if (const auto* object = std::get_if<ObjectOutcome>(&got)) {
    answered_ = Shown(*Published(request_.route.view, object->object));
  } else if (const auto* value = std::get_if<ValueOutcome>(&got)) {
    answered_ = Shown(value->value);
  } else if (const auto* page = std::get_if<ListPage>(&got)) {
    co_await ShowList(page);
  }
}

void Trail::Complete() {
  Tell(request_.escaped ? Stage::kPanic : Stage::kResponseComplete);
}

void Trail::AppendSubject(std::string& out) const {
  const RequestInfo& info = request_.info;
  if (!info.is_resource) return;
  std::string subject = "{";
  AppendText("resource", info.resource, subject);
  AppendText("namespace", subject_.namespace_, subject);
  AppendText("name", subject_.name, subject);
  AppendText("uid", subject_.uid, subject);
  AppendText("apiGroup", info.group, subject);
  AppendText("apiVersion", info.version, subject);
  AppendText("resourceVersion", subject_.revision, subject);
  AppendText("subresource", info.subresource, subject);
  AppendJson("objectRef", subject + "}", out);
}

void Trail::AppendStatus(std::string& out) const {
  if (!failure_.empty()) return AppendJson("responseStatus", StatusJson(failure_), out);
  AppendJson("responseStatus", fmt::format(R"({{"metadata":{{}},"code":{}}})", request_.status), out);
}

void Trail::Tell(Stage stage) {
  if (!logs() || verdict_.omitted.Has(stage)) return;
  const ApiRequest& request = request_;
  std::string out = "{";
  AppendText("kind", "Event", out);
  AppendText("apiVersion", "audit.k8s.io/v1", out);
  AppendText("level", kLevelNames[static_cast<size_t>(verdict_.level)], out);
  AppendText("auditID", request.audit_id, out);
  AppendText("stage", kStageNames[static_cast<size_t>(stage)], out);
  AppendText("requestURI", request.uri, out);
  AppendText("verb", request.info.verb, out);
  AppendJson("user", UserJson(request.authenticated ? *request.authenticated : request.user), out);
  if (request.authenticated) AppendJson("impersonatedUser", UserJson(request.user), out);
  AppendJson("sourceIPs", List(request.addresses), out);
  AppendText("userAgent", request.user_agent, out);
  AppendSubject(out);
  if (stage != Stage::kRequestReceived) {
    AppendStatus(out);
    AppendJson("requestObject", sent_, out);
    if (stage == Stage::kResponseComplete) AppendJson("responseObject", answered_, out);
  }
  AppendText("requestReceivedTimestamp", FormatMicroTime(received_), out);
  AppendText("stageTimestamp", FormatMicroTime(clock_.Now()), out);
  AppendJson("annotations", annotations_, out);
  out += "}\n";
  options_.sink->Write(utf8::IsValid(out) ? std::move(out) : utf8::Repaired(out));
}

}  // namespace sampan::apiserver::audit
