// Where the events of a watch or the lines of a log go: the body of an answer, or a WebSocket with an event a message.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "apiserver/http/exchange.h"

namespace sampan::apiserver {

// Used on the connection's executor, one Write at a time.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // Each call sends whole events. Fails when the client is gone.
  virtual Task<Result<void>> Write(std::vector<net::Chunk> chunks) = 0;
  // Once, last.
  virtual Task<void> Finish() = 0;
  // `gone` runs once the client has left a transport that the request's own `gone` does not watch any more.
  virtual void OnGone(std::function<void()> gone) = 0;
};

// Begins the answer. `exchange` outlives the sink. Fails when the client is gone or was refused.
Task<Result<std::unique_ptr<WatchSink>>> OpenWatchSink(Exchange* exchange, std::string content_type);

}  // namespace sampan::apiserver
