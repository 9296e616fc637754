// One HTTP request on its way through the server.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apiserver/gate/request.h"
#include "apiserver/http/negotiate.h"
#include "net/http.h"

namespace sampan::apiserver {

// Knows whether an answer has begun, so that none begins behind it.
class BegunWriter final : public net::ResponseWriter {
 public:
  explicit BegunWriter(net::ResponseWriter& writer) : writer_(writer) {}
  bool begun() const { return begun_; }

  Task<Result<void>> Respond(net::Response response) override {
    begun_ = true;
    return writer_.Respond(std::move(response));
  }
  Task<Result<void>> Start(int status, net::Headers headers) override {
    begun_ = true;
    return writer_.Start(status, std::move(headers));
  }
  Task<Result<void>> Write(std::vector<net::Chunk> chunks) override { return writer_.Write(std::move(chunks)); }
  Task<Result<void>> Finish() override { return writer_.Finish(); }
  Task<Result<std::unique_ptr<net::Stream>>> Upgrade(net::Headers headers) override {
    begun_ = true;
    return writer_.Upgrade(std::move(headers));
  }

 private:
  net::ResponseWriter& writer_;
  bool begun_ = false;
};

// Lives in the frame of the request's handler, on the connection's executor.
struct Exchange {
  Exchange(net::Request& http_request, net::ResponseWriter& http_writer)
      : request(http_request), writer(http_writer), asked(std::make_shared<ApiRequest>()) {}

  net::Request& request;
  BegunWriter writer;
  Query query;
  std::string body;
  std::shared_ptr<ApiRequest> asked;

  const RequestInfo& info() const { return asked->info; }
  const View* view() const { return asked->route.view; }
  // The kind that the path names, where that is a stored one.
  const api::KindInfo& kind() const { return asked->kind(); }
};

// An answer still to be sent; nothing when the handler has sent it itself (streams).
using Answer = Result<std::optional<net::Response>>;

net::Response TextResponse(int status, std::string text);
net::Response JsonResponse(int status, std::string body);
net::Response ErrorResponse(const Error& error);
void AddWarnings(const std::vector<std::string>& warnings, net::Response& response);

// A whole number as Go reads it; BadRequest in its words otherwise.
Result<int64_t> ParseInteger(std::string_view text);
// A query parameter that is a whole number; nothing when absent, BadRequest when malformed.
Result<std::optional<int64_t>> IntegerParameter(const Query& query, std::string_view name);

}  // namespace sampan::apiserver
