// An API server over a store in a temporary directory, driven without sockets.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/server.h"
#include "async/pool.h"

namespace sampan::apiserver {

struct Reply {
  int status = 0;
  net::Headers headers;
  std::string body;
  json::Value Json() const;
};

enum class Begin : unsigned char { kServing, kLoading };

struct TestOptions {
  std::string directory;  // of a store to open again; empty: a new one
  ServerOptions server;
  auth::Authorizer* authorizer = nullptr;  // outlives the server; null: "nobody" may do nothing, everyone else everything
  Begin begin = Begin::kServing;           // kLoading: nothing is served before Load()
};

// The caller is whom the header x-user names, in group system:masters, or "admin"; "nobody" may do nothing, "changer"
// everything but create, the authenticator throws at "thrower", and what is
// written to "breaker" throws.
class TestServer {
 public:
  explicit TestServer(TestOptions options = {});
  ~TestServer();

  using HeaderList = std::vector<std::pair<std::string, std::string>>;
  // One request and its whole answer. A watch ends with the request's timeoutSeconds, or when `stop` says so.
  Reply Do(std::string_view method, std::string_view target, std::string body = "", HeaderList headers = {});
  Reply Get(std::string_view target) { return Do("GET", target); }
  Reply Post(std::string_view target, std::string body) { return Do("POST", target, std::move(body)); }
  Reply Patch(std::string_view target, std::string_view type, std::string body);

  // A request that goes on in the background.
  class Running {
   public:
    virtual ~Running() = default;
    // Waits until the body holds `text`; false after ten seconds.
    virtual bool WaitFor(std::string_view text) = 0;
    virtual std::string Body() = 0;
    virtual int Status() = 0;
    // The client goes away; returns when the handler has ended.
    virtual void Hangup() = 0;
    // Returns when the handler has ended by itself.
    virtual void Join() = 0;
  };
  std::unique_ptr<Running> Start(std::string_view target, HeaderList headers = {});
  std::unique_ptr<Running> StartWrite(std::string_view method, std::string_view target, std::string body);
  void Load();
  void EndStreams();

  // For tests that need a connection.
  net::Handler handler();

  client::Client& client() { return *client_; }
  ManualClock& clock();
  Executor& executor();
  const std::string& directory() const;
  store::CacheSet& caches();
  store::Store& store();

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::unique_ptr<client::Client> client_;
};

}  // namespace sampan::apiserver
