#include "apiserver/http/dispatch.h"

#include "apiserver/errors.h"
#include "apiserver/http/addresses.h"
#include "apiserver/http/answer.h"
#include "apiserver/http/decode.h"
#include "apiserver/http/encode.h"
#include "apiserver/http/handlers.h"
#include "async/spawn.h"

namespace sampan::apiserver {

namespace {

net::Response NoAddedKinds() {
  return JsonResponse(200, R"({"kind":"CustomResourceDefinitionList","apiVersion":"apiextensions.k8s.io/v1",)"
                           R"("metadata":{},"items":[]})"
                           "\n");
}

Task<Answer> Document(HttpContext* context, Exchange* exchange) {
  std::optional<Answer> document = HandleMeta(context, exchange);
  if (document) co_return *std::move(document);
  co_return TextResponse(404, "404 page not found\n");
}

class HttpDoor final : public Door {
 public:
  HttpDoor(HttpContext* context, Exchange* exchange) : context_(context), exchange_(exchange) {}

  Task<Result<void>> Identify(ApiRequest* request) override {
    CO_TRY(request->user, co_await context_->authenticator.Authenticate(exchange_->request));
    co_return Result<void>{};
  }

  Result<void> Impersonate(ApiRequest& request) override {
    const net::Headers& headers = exchange_->request.headers;
    if (!auth::WantsToImpersonate(headers)) return {};
    TRY(auth::UserInfo other, auth::Impersonate(exchange_->request, request.user, context_->core.authorizer));
    request.authenticated = std::exchange(request.user, std::move(other));
    return {};
  }

  Task<Result<void>> Decode(ApiRequest*) override {
    return DecodeOperation(exchange_, context_->options.max_request_bytes, &context_->core.heavy);
  }

  Task<Result<Outcome>> Serve(ApiRequest* request) override {
    if (AsksForAddedKinds(request->info)) {
      served_ = NoAddedKinds();
    } else if (request->info.is_resource) {
      CO_TRY(served_, co_await HandleConnect(context_, exchange_));
    } else {
      // The first OpenAPI document takes a while to build.
      Task<apiserver::Answer> work = Document(context_, exchange_);
      bool heavy = request->info.path.starts_with("/openapi/");
      if (heavy) work = context_->core.heavy.Run(HeavyWork::AccountOf(*request), std::move(work));
      CO_TRY(served_, co_await std::move(work));
    }
    co_return SentOutcome{};
  }

  Task<void> Answer(ApiRequest* request, Result<Outcome> outcome) override {
    // What broke off while it was sent stays so: the connection ends with it.
    if (exchange_->writer.begun()) co_return;
    if (outcome && std::holds_alternative<SentOutcome>(*outcome)) {
      if (served_) co_await SendAnswer(exchange_, *std::exchange(served_, std::nullopt));
      co_return;
    }
    if (request->info.verb == "watch" && request->info.is_resource) {
      co_await AnswerWatch(std::move(outcome));
      co_return;
    }
    net::Response response = co_await EncodeOutcome(context_, exchange_, std::move(outcome));
    std::optional<AnswerMemory::Charge> charge = ChargeFor(context_, *exchange_, response);
    co_await SendAnswer(exchange_, std::move(response));
  }

 private:
  // An expired place is told in the stream.
  Task<void> AnswerWatch(Result<Outcome> outcome) {
    bool streams = outcome || outcome.error().Is(Reason::kExpired);
    if (streams && !exchange_->asked->escaped) {
      Result<std::unique_ptr<Watcher>> opened = Fail(Error::Expired(""));
      if (outcome) {
        opened = std::get<std::unique_ptr<Watcher>>(*std::move(outcome));
      } else {
        opened = Fail(std::move(outcome).error());
      }
      auto sent = co_await SendWatch(context_, exchange_, std::move(opened));
      if (sent) co_return;
      outcome = Fail(std::move(sent).error());
    }
    co_await SendAnswer(exchange_, EncodeError(*exchange_, outcome.error()));
  }

  HttpContext* context_;
  Exchange* exchange_;
  std::optional<net::Response> served_;
};

Result<void> Parse(Exchange& exchange) {
  TRY(exchange.query, Query::Parse(exchange.request.query));
  TRY(exchange.asked->info, ParseRequestInfo(exchange.request.method, exchange.request.path, exchange.query));
  if (exchange.info().long_running()) return {};
  TRY(exchange.asked->time_limit, TimeLimitOf(exchange.query));
  return {};
}

// A request that lasts as long as its client likes is also `gone` when the server ends its streams. It learns of that, as
// of a client's end, on the connection's executor.
CancelToken::Subscription EndWithStreams(const HttpContext& context, net::Request& request, Executor& executor) {
  auto ended = std::make_shared<CancelSource>(request.gone);
  request.gone = ended->token();
  return context.streams.token().OnCancel([ended, &executor] { executor.Post([ended] { ended->Cancel(); }); });
}

// The name by which the client and others find a request again: its own, or one made here.
std::string AuditIdOf(const HttpContext& context, const net::Request& request) {
  constexpr size_t kMaxAuditId = 64;
  std::string_view sent = request.headers.Get("audit-id");
  return sent.empty() || sent.size() > kMaxAuditId ? context.registry.rng().Uuid() : std::string(sent);
}

// What the audit log tells of a client.
void DescribeClient(const net::Request& request, ApiRequest& asked) {
  asked.uri = request.query.empty() ? request.path : request.path + "?" + request.query;
  asked.user_agent = request.headers.Get("user-agent");
  asked.addresses = AddressesOf(request);
}

}  // namespace

Task<void> Dispatch(HttpContext* context, net::Request* request, net::ResponseWriter* writer) {
  Exchange exchange(*request, *writer);
  exchange.asked->audit_id = AuditIdOf(*context, *request);
  Result<void> parsed = Parse(exchange);
  if (!parsed) {
    co_await SendAnswer(&exchange, EncodeError(exchange, parsed.error()));
    co_return;
  }
  if (std::optional<net::Response> health = HandleHealth(context, exchange)) {
    co_await SendAnswer(&exchange, *std::move(health));
    co_return;
  }
  CancelToken::Subscription draining;
  if (exchange.info().long_running()) {
    Executor& executor = co_await ThisExecutor();
    draining = EndWithStreams(*context, *request, executor);
  }
  if (context->gate.audits()) DescribeClient(*request, *exchange.asked);
  HttpDoor door(context, &exchange);
  co_await context->gate.Pass(exchange.asked, &door);
}

}  // namespace sampan::apiserver
