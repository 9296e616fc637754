#include "apiserver/http/answer.h"

#include "apiserver/errors.h"
#include "apiserver/http/encode.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kEndpointsDeprecated =
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

int StatusOf(Made made) {
  return made == Made::kYes ? 201 : 200;
}

// Puts an outcome into the form that the client asked for.
struct Encoder {
  HttpContext& context;
  const Exchange& exchange;

  Result<net::Response> operator()(ObjectOutcome outcome) const {
    return EncodeObject(exchange, exchange.kind(), std::move(outcome.object), StatusOf(outcome.made), Now());
  }
  Result<net::Response> operator()(ValueOutcome outcome) const {
    return EncodeValue(exchange, *outcome.kind, outcome.value, StatusOf(outcome.made));
  }
  Result<net::Response> operator()(ListPage) const { return TextResponse(200, ""); }  // see EncodeOutcome
  Result<net::Response> operator()(DoneOutcome outcome) const {
    if (outcome.made == Made::kYes) {
      return JsonResponse(201, R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201})"
                               "\n");
    }
    const api::KindInfo& kind = exchange.kind();
    return JsonResponse(200, SuccessStatus({outcome.object->name(), kind.group, kind.resource, outcome.object->uid()}));
  }
  Result<net::Response> operator()(SentOutcome) const { return TextResponse(200, ""); }
  Result<net::Response> operator()(std::unique_ptr<Watcher>) const { return TextResponse(200, ""); }

  WallTime Now() const { return context.registry.clock().Now(); }
};

// Tells how to go on without the list's own revision.
net::Response Expired(const Error& error, std::string_view token) {
  std::string status = FailureStatus(error);
  constexpr std::string_view kMetadata = "\"metadata\":{}";
  size_t at = status.find(kMetadata);
  status.replace(at, kMetadata.size(), fmt::format("\"metadata\":{{\"continue\":\"{}\"}}", InconsistentContinue(token)));
  return JsonResponse(HttpStatusOf(error.reason()), std::move(status));
}

net::Response EncodeFailure(const Exchange& exchange, const Error& error) {
  std::string_view token = exchange.info().verb == "list" ? exchange.query.Get("continue") : "";
  if (error.Is(Reason::kExpired) && !token.empty()) return Expired(error, token);
  return EncodeError(exchange, error);
}

// Whether it is large: its answer, unless it is stored bytes one after the other, takes long to make.
bool IsLarge(const Outcome& outcome) {
  size_t bytes = 0;
  if (const auto* object = std::get_if<ObjectOutcome>(&outcome)) bytes = object->object->bytes().size();
  if (const auto* page = std::get_if<ListPage>(&outcome)) {
    for (size_t i = 0; i < page->items.size() && bytes <= kHeavyBytes; ++i) bytes += page->items[i]->bytes().size();
  }
  return bytes > kHeavyBytes;
}

bool IsSpliced(const Exchange& exchange) {
  if (exchange.view() != nullptr || AcceptsGzip(exchange.request.headers.Get("accept-encoding"))) return false;
  Result<Negotiated> form = NegotiateFor(exchange);
  return form && form->encoding == Encoding::kJson && form->shape == Shape::kObject && !form->pretty &&
         !WantsPretty(exchange);
}

bool IsDeprecated(const Exchange& exchange) {
  const RequestInfo& info = exchange.info();
  return info.is_resource && info.resource == "endpoints" && info.group.empty();
}

Task<net::Response> Encode(HttpContext* context, Exchange* exchange, Result<Outcome> outcome) {
  Result<net::Response> encoded = Fail(Error::InternalError(""));
  if (outcome && std::holds_alternative<ListPage>(*outcome)) {
    ListPage page = std::get<ListPage>(*std::move(outcome));
    encoded = co_await EncodeList(exchange, &exchange->kind(), std::move(page), context->registry.clock().Now());
  } else if (outcome) {
    encoded = std::visit(Encoder{*context, *exchange}, *std::move(outcome));
  } else {
    encoded = Fail(std::move(outcome).error());
  }
  net::Response response = encoded ? *std::move(encoded) : EncodeFailure(*exchange, encoded.error());
  if (IsDeprecated(*exchange)) AddWarnings({std::string(kEndpointsDeprecated)}, response);
  if (encoded) AddWarnings(exchange->asked->warnings, response);
  co_return response;
}

Task<net::Response> EncodeAndCompress(HttpContext* context, Exchange* exchange, Result<Outcome> outcome) {
  net::Response response = co_await Encode(context, exchange, std::move(outcome));
  co_await Compress(exchange, &response);
  co_return response;
}

}  // namespace

Task<net::Response> EncodeOutcome(HttpContext* context, Exchange* exchange, Result<Outcome> outcome) {
  if (!outcome || !IsLarge(*outcome) || IsSpliced(*exchange)) {
    net::Response response = co_await Encode(context, exchange, std::move(outcome));
    co_return response;
  }
  Task<net::Response> work = EncodeAndCompress(context, exchange, std::move(outcome));
  net::Response response = co_await context->core.heavy.Run(HeavyWork::AccountOf(*exchange->asked), std::move(work));
  co_return response;
}

std::optional<AnswerMemory::Charge> ChargeFor(HttpContext* context, const Exchange& exchange, net::Response& response) {
  // What has changed something is told, whatever it costs.
  if (exchange.info().mutating()) return std::nullopt;
  size_t bytes = 0;
  for (const net::Chunk& chunk : response.body) bytes += chunk.data.size();
  std::string account = bytes > kHeavyBytes ? HeavyWork::AccountOf(*exchange.asked) : std::string();
  if (account.empty()) return std::nullopt;
  std::optional<AnswerMemory::Charge> charge = context->answers.Take(std::move(account), bytes);
  if (!charge) response = EncodeError(exchange, TooManyRequestsError());
  return charge;
}

Task<void> SendAnswer(Exchange* exchange, net::Response response) {
  co_await Compress(exchange, &response);
  exchange->asked->status = response.status;
  response.headers.Add("audit-id", exchange->asked->audit_id);
  if (exchange->request.method == "HEAD") response.body.clear();
  auto sent = co_await exchange->writer.Respond(std::move(response));
  (void)sent;  // the client is gone: there is nobody to tell
}

}  // namespace sampan::apiserver
