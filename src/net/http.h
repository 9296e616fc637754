// HTTP as handlers and callers see it; HTTP/1.1 and HTTP/2 look the same from here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/cancel.h"
#include "async/task.h"
#include "base/error.h"
#include "base/time.h"

namespace sampan::net {

// Header names are kept in lower case; order and repetition are kept.
class Headers {
 public:
  void Add(std::string name, std::string value) { items_.emplace_back(std::move(name), std::move(value)); }
  std::string_view Get(std::string_view lower_case_name) const;  // first value, "" when absent
  bool Has(std::string_view lower_case_name) const;
  void Clear() { items_.clear(); }
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

// Who the peer proved to be with a client certificate that the listener's CA signed and that is valid now.
struct PeerIdentity {
  std::string common_name;
  std::vector<std::string> organizations;
  std::string fingerprint_sha256;  // hex, of the DER certificate
};

enum class HttpVersion : unsigned char { kHttp1, kHttp2 };

// How slowly a body may come. Only the time counts in which its reader waits for the sender.
struct BodyPace {
  Duration window = std::chrono::seconds(10);  // zero: any pace is right
  size_t bytes = 10 * 1024;                    // that a window brings, unless it brings the end
};

// A body on its way: nothing is taken from the sender before it is asked for. Any executor; one read at a time.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // The next piece; empty at the end and ever after. BadRequest when malformed, Timeout when it comes too slowly (an answer
  // with that error's status goes out as 408), ServiceUnavailable when the sender is gone or its request has been answered.
  virtual Task<Result<std::string>> ReadSome() = 0;
  // All of it; RequestEntityTooLarge beyond `limit`, at once when it says so beforehand. What a server's request gathers
  // counts until its handler ends in the share of memory of `account`, empty: the client's address. TooManyRequests when
  // that is spent; a body that comes slower than others of its account gives way to them.
  virtual Task<Result<std::string>> ReadAll(size_t limit, std::string account = {});
  virtual std::optional<uint64_t> length() const = 0;  // as announced
  virtual void SetPace(BodyPace) {}                    // before it is read
};

// The body of a message that has none. Costs nothing to copy.
std::shared_ptr<BodyReader> NoBody();
// One that is there already.
std::shared_ptr<BodyReader> TextBody(std::string text);

struct Request {
  std::string method;
  std::string path;   // as sent: not percent-decoded, without the query
  std::string query;  // without '?'
  Headers headers;    // HTTP/2's :authority appears as "host"
  // Its handler starts when the head is there. What it leaves unread is dropped, or the connection closed once the client
  // has the answer. "Expect: 100-continue" is answered by the first read.
  std::shared_ptr<BodyReader> body = NoBody();
  HttpVersion version = HttpVersion::kHttp1;
  std::string remote_address;                // "10.0.0.1:4711"
  std::shared_ptr<const PeerIdentity> peer;  // null without a client certificate
  CancelToken gone;                          // the client went away, or the server stops
};

// Bytes and whatever keeps them alive: how stored objects reach a socket without being copied first.
struct Chunk {
  std::string_view data;
  std::shared_ptr<const void> owner;
  static Chunk Copy(std::string text);
  static Chunk Static(std::string_view text) { return {text, nullptr}; }
};

struct Response {
  int status = 200;
  Headers headers;  // content-length and transfer-encoding are the server's business
  std::vector<Chunk> body;
};

// A two-way byte stream after an upgrade, or a plain connection.
class Stream {
 public:
  virtual ~Stream() = default;  // closes at once
  // At least one byte; 0 at the end. ServiceUnavailable when the connection broke.
  virtual Task<Result<size_t>> Read(std::span<char> buffer) = 0;
  // All of `data`, which stays valid until the task is done.
  virtual Task<Result<void>> Write(std::string_view data) = 0;
  virtual Task<void> CloseWrite() = 0;  // flushes; the peer reads the end
  // Ends waiting reads and writes with an error. Any thread.
  virtual void Abort() = 0;
};

// Exactly one of Respond, Start...Finish or Upgrade is used a request. Every call suspends while the peer reads slowly.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  virtual Task<Result<void>> Respond(Response response) = 0;

  // Streaming (watch, logs): each Write is flushed.
  virtual Task<Result<void>> Start(int status, Headers headers) = 0;
  virtual Task<Result<void>> Write(std::vector<Chunk> chunks) = 0;
  virtual Task<Result<void>> Finish() = 0;

  // HTTP/1.1 only (BadRequest on HTTP/2): answers 101 with `headers` and hands the connection over.
  virtual Task<Result<std::unique_ptr<Stream>>> Upgrade(Headers headers) = 0;
};

// Runs on the connection's executor. The request and writer live until the task ends; a handler that ends without
// answering makes the server answer 500.
using Handler = std::function<Task<void>(Request& request, ResponseWriter& writer)>;

// Percent-decoding; nothing when malformed. PlusIsSpace::kYes for query values.
enum class PlusIsSpace : bool { kNo, kYes };
std::optional<std::string> PercentDecode(std::string_view text, PlusIsSpace plus);
std::string PercentEncode(std::string_view text);  // everything but unreserved characters
// "a=1&b=2" in order; BadRequest when malformed.
Result<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query);

}  // namespace sampan::net
