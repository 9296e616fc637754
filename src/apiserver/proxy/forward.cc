#include "apiserver/proxy/forward.h"

#include <array>

#include "apiserver/proxy/links.h"
#include "net/relay.h"

namespace sampan::apiserver {

namespace {

// Who may use a proxy may be slow, for what he sends is held nowhere; but not silent for ever.
constexpr std::chrono::minutes kUploadSilence{2};

// Headers about one connection, or about the user's identity towards this server: neither is upstream's business.
bool StaysHere(std::string_view name) {
  constexpr std::array<std::string_view, 12> kNames = {
      "connection",     "keep-alive",    "proxy-authorization", "te",    "trailer", "transfer-encoding", "upgrade", "host",
      "content-length", "authorization", "http2-settings",      "expect"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() || name.starts_with("impersonate-");
}

net::Headers Passed(const net::Headers& headers) {
  net::Headers passed;
  for (const auto& [name, value] : headers.items()) {
    if (!StaysHere(name)) passed.Add(name, value);
  }
  return passed;
}

// A redirection within upstream's paths becomes one within ours.
net::Headers Answered(const net::Headers& headers, std::string_view prefix) {
  net::Headers passed;
  for (const auto& [name, value] : headers.items()) {
    if (!StaysHere(name)) passed.Add(name, name == "location" ? PrefixLink(value, prefix) : value);
  }
  return passed;
}

bool HasLinks(const net::Headers& headers) {
  return headers.Get("content-type").starts_with("text/html") && headers.Get("content-encoding").empty();
}

Task<Result<int>> ForwardUpgrade(net::Request* request, net::ResponseWriter* writer, net::Client* upstream,
                                 net::ClientRequest out) {
  out.headers.Add("connection", "Upgrade");
  out.headers.Add("upgrade", std::string(request->headers.Get("upgrade")));
  CO_TRY(net::Client::Upgraded upgraded, co_await upstream->Upgrade(std::move(out), request->gone));
  auto stream = co_await writer->Upgrade(std::move(upgraded.headers));
  if (!stream) co_return 101;
  co_await net::Relay(**stream, *upgraded.stream, request->gone);
  co_return 101;
}

}  // namespace

Task<Result<int>> Forward(net::Request* request, net::ResponseWriter* writer, net::Client* upstream, std::string target,
                          std::string prefix) {
  net::ClientRequest out;
  out.method = request->method;
  out.headers = Passed(request->headers);
  out.headers.Add("x-forwarded-uri", prefix + target.substr(0, target.find('?')));
  out.headers.Add("x-forwarded-host", std::string(request->headers.Get("host")));
  out.headers.Add("x-forwarded-proto", "https");
  out.target = std::move(target);
  if (request->body->length() != 0) {
    request->body->SetPace({.window = kUploadSilence, .bytes = 1});
    out.stream = request->body;
  }
  out.timeout = std::chrono::minutes(1);
  if (!request->headers.Get("upgrade").empty()) {
    auto upgraded = co_await ForwardUpgrade(request, writer, upstream, std::move(out));
    co_return upgraded;
  }
  CO_TRY(std::unique_ptr<net::ClientResponse> response, co_await upstream->Send(std::move(out), request->gone));
  int status = response->status();
  auto started = co_await writer->Start(status, Answered(response->headers(), prefix));
  std::optional<LinkRewriter> links;
  if (HasLinks(response->headers())) links.emplace(std::move(prefix));
  while (started) {
    auto piece = co_await response->ReadSome();
    if (!piece) co_return status;  // an answer that breaks off must not look complete
    bool ended = piece->empty();
    if (links) piece = ended ? links->Finish() : links->Feed(*piece);
    std::vector<net::Chunk> chunks;
    if (!piece->empty()) chunks.push_back(net::Chunk::Copy(*std::move(piece)));
    if (!chunks.empty()) started = co_await writer->Write(std::move(chunks));
    if (ended) break;
  }
  if (started) (void)co_await writer->Finish();
  co_return status;
}

}  // namespace sampan::apiserver
