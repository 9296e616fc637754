// A few requests in one text, as people read and write them:
//
//   editor POST /api/v1/namespaces/default/configmaps?dryRun=All
//   content-type: application/json
//
//   {"metadata":{"name":"a"}}
//   ====
//   admin GET /api/v1/configmaps
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.h"

namespace sampan::apiserver {

struct ProgramRequest {
  std::string caller, method, target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
using Program = std::vector<ProgramRequest>;

inline constexpr std::string_view kNextRequest = "\n====\n";

// Any text is a program; what no HTTP parser lets through is left out of it.
Program ParseProgram(std::string_view text);
std::string ProgramText(const Program& program);
net::Request HttpRequestOf(const ProgramRequest& request);

namespace detail {

// All of `text` up to `end`, which is removed with it.
inline std::string_view TakeUntil(std::string_view& text, std::string_view end) {
  const size_t at = text.find(end);
  std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + end.size());
  return taken;
}

inline std::string Only(std::string_view text, bool (*fits)(unsigned char)) {
  std::string out(text);
  std::erase_if(out, [fits](unsigned char c) { return !fits(c); });
  return out;
}
inline bool IsWordByte(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}
inline bool IsTargetByte(unsigned char c) {
  return c > ' ' && c < 0x7f && c != '#';
}
inline bool IsValueByte(unsigned char c) {
  return c >= ' ' && c != 0x7f;
}

inline ProgramRequest ParseOne(std::string_view text) {
  ProgramRequest request;
  std::string_view line = TakeUntil(text, "\n");
  request.caller = Only(TakeUntil(line, " "), &IsWordByte);
  request.method = Only(TakeUntil(line, " "), &IsWordByte);
  request.target = Only(line, &IsTargetByte);
  if (request.method.empty()) request.method = "GET";
  if (!request.target.starts_with('/')) request.target.insert(0, "/");
  while (!text.empty()) {
    line = TakeUntil(text, "\n");
    if (line.empty()) break;
    std::string name = Only(TakeUntil(line, ":"), &IsWordByte);
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!name.empty()) request.headers.emplace_back(std::move(name), Only(line, &IsValueByte));
  }
  request.body = text;
  return request;
}

}  // namespace detail

inline Program ParseProgram(std::string_view text) {
  Program program;
  while (!text.empty()) program.push_back(detail::ParseOne(detail::TakeUntil(text, kNextRequest)));
  return program;
}

inline std::string ProgramText(const Program& program) {
  std::string text;
  for (const ProgramRequest& request : program) {
    if (!text.empty()) text += kNextRequest;
    text += request.caller + " " + request.method + " " + request.target + "\n";
    for (const auto& [name, value] : request.headers) text += name + ": " + value + "\n";
    text += "\n" + request.body;
  }
  return text;
}

inline net::Request HttpRequestOf(const ProgramRequest& request) {
  net::Request http;
  http.method = request.method;
  const size_t question = request.target.find('?');
  http.path = request.target.substr(0, question);
  if (question != std::string::npos) http.query = request.target.substr(question + 1);
  for (const auto& [name, value] : request.headers) http.headers.Add(name, value);
  http.body = net::TextBody(request.body);
  http.remote_address = "10.0.0.1:4711";
  return http;
}

}  // namespace sampan::apiserver
