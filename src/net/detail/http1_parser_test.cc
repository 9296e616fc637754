#include "net/detail/http1_parser.h"

#include <gtest/gtest.h>

namespace sampan::net::detail {
namespace {

using namespace std::string_view_literals;

struct Case {
  const char* name;
  std::string_view text;
  int status;  // 0: accepted, -1: incomplete
};

// What two parsers could read in two ways is what a smuggler sends.
const Case kRequests[] = {
    {"plain", "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"incomplete", "GET / HTTP/1.1\r\nHost: x\r\n", -1},
    {"length and chunks", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"chunks and length", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400},
    {"two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400},
    {"the same length twice", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400},
    {"a list of lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\n", 400},
    {"signed length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\n", 400},
    {"hexadecimal length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\n", 400},
    {"empty length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400},
    {"huge length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
    {"chunked twice", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"chunked in a list", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"chunked misspelt", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
    {"chunked with HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"space before colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
    {"space in name", "GET / HTTP/1.1\r\nHost: x\r\nTransfer Encoding: chunked\r\n\r\n", 400},
    {"vertical tab in name", "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding\x0b: chunked\r\n\r\n", 400},
    {"folded line", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400},
    {"first line folded", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
    {"bare line feeds", "GET / HTTP/1.1\nHost: x\n\n", 400},
    {"one bare line feed", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400},
    {"bare carriage return", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400},
    {"NUL in value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"sv, 400},
    {"control in value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\x01\r\n\r\n", 400},
    {"no colon", "GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", 400},
    {"empty name", "GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400},
    {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
    {"no host with HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 0},
    {"two spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"space in target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"tab in target", "GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"fragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"raw UTF-8 in target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"no slash", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"absolute form", "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"method not a token", "G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501},
    {"HTTP/0.9", "GET /\r\n\r\n", 400},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", 505},
    {"version misspelt", "GET / http/1.1\r\nHost: x\r\n\r\n", 400},
    {"unknown expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n\r\n", 417},
    {"latin-1 in value", "GET / HTTP/1.1\r\nHost: x\r\nA: \xe4\r\n\r\n", 0},
};

int StatusOf(const HeadResult& result) {
  return result.state == ParseState::kDone ? 0 : result.state == ParseState::kIncomplete ? -1 : result.status;
}

TEST(Http1Parser, RequestTable) {
  for (const Case& c : kRequests) {
    Request request;
    Framing framing;
    EXPECT_EQ(StatusOf(ParseRequestHead(c.text, 0, {}, request, framing)), c.status) << c.name;
  }
}

// However the bytes are cut, the verdict is the same.
TEST(Http1Parser, ByteByByteIsTheSame) {
  for (const Case& c : kRequests) {
    int verdict = -1;
    for (size_t length = 1; length <= c.text.size() && verdict == -1; ++length) {
      Request request;
      Framing framing;
      verdict = StatusOf(ParseRequestHead(c.text.substr(0, length), length - 1, {}, request, framing));
    }
    EXPECT_EQ(verdict, c.status) << c.name;
  }
}

TEST(Http1Parser, Parts) {
  Request request;
  Framing framing;
  HeadResult head = ParseRequestHead(
      "PUT /a%20b?x=1&y HTTP/1.1\r\nHOST: h\r\nConnection: Close\r\nX:  v \r\ncontent-length: 5\r\n\r\nhello", 0, {},
      request, framing);
  ASSERT_EQ(head.state, ParseState::kDone);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.path, "/a%20b");
  EXPECT_EQ(request.query, "x=1&y");
  EXPECT_EQ(request.headers.Get("host"), "h");
  EXPECT_EQ(request.headers.Get("x"), "v");
  EXPECT_EQ(framing.content_length, 5U);
  EXPECT_FALSE(framing.keep_alive);
}

TEST(Http1Parser, LimitsOfHeaders) {
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 300; ++i) many += "a: b\r\n";
  many += "\r\n";
  Request request;
  Framing framing;
  EXPECT_EQ(StatusOf(ParseRequestHead(many, 0, {}, request, framing)), 431);
  std::string large = "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(70'000, 'a');
  EXPECT_EQ(StatusOf(ParseRequestHead(large, 0, {}, request, framing)), 431);
  EXPECT_EQ(StatusOf(ParseRequestHead(large + "\r\n\r\n", 0, {}, request, framing)), 431);
}

TEST(Http1Parser, ChunkedTable) {
  struct ChunkedCase {
    const char* name;
    std::string_view text;
    ParseState state;
    std::string_view body;
  };
  const ChunkedCase kCases[] = {
      {"two chunks", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", ParseState::kDone, "abcde"},
      {"extension", "3;a=b\r\nabc\r\n0\r\n\r\n", ParseState::kDone, "abc"},
      {"trailer", "1\r\na\r\n0\r\nX: y\r\n\r\n", ParseState::kDone, "a"},
      {"incomplete", "3\r\nab", ParseState::kIncomplete, "ab"},
      {"no size", "\r\nabc\r\n0\r\n\r\n", ParseState::kBad, ""},
      {"negative", "-1\r\n", ParseState::kBad, ""},
      {"prefix", "0x3\r\nabc\r\n0\r\n\r\n", ParseState::kBad, ""},
      {"overflow", "fffffffffffffffff\r\n", ParseState::kBad, ""},
      {"space", "3 \r\nabc\r\n0\r\n\r\n", ParseState::kBad, ""},
      {"bare line feed", "3\nabc\n0\n\n", ParseState::kBad, ""},
      {"longer than its size", "2\r\nabc\r\n0\r\n\r\n", ParseState::kBad, "ab"},
      {"bad trailer", "0\r\nGET / HTTP/1.1\r\n\r\n", ParseState::kBad, ""},
  };
  for (const ChunkedCase& c : kCases) {
    for (size_t step : {c.text.size(), size_t{1}}) {
      ChunkedDecoder decoder;
      std::string body;
      ParseState state = ParseState::kIncomplete;
      for (size_t at = 0; at < c.text.size() && state == ParseState::kIncomplete; at += step) {
        size_t consumed = 0;
        state = decoder.Feed(c.text.substr(at, step), consumed, body);
      }
      EXPECT_EQ(state, c.state) << c.name;
      EXPECT_EQ(body, c.body) << c.name;
    }
  }
}

}  // namespace
}  // namespace sampan::net::detail
