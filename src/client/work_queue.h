// Hands out keys to workers: each key to one worker at a time, each once however often it was added.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/clock.h"
#include "async/task.h"

namespace sampan::client {

struct WorkQueueOptions {
  Duration base_delay = std::chrono::milliseconds(5);  // of the first retry; doubles with each
  Duration max_delay = std::chrono::minutes(16);
};

// Thread-safe; any number of coroutines may wait in Next(). Dies after Close() and after its workers have left.
class WorkQueue {
 public:
  explicit WorkQueue(Clock& clock, WorkQueueOptions options = {});
  ~WorkQueue();

  // A key that is being processed is handed out again after its Done().
  void Add(std::string key);
  // Adds the key when `delay` has passed; of several waits for one key the earliest counts.
  void AddAfter(std::string key, Duration delay);
  // Adds the key after its backoff: base_delay doubled with each call since Forget(), at most max_delay.
  void AddRateLimited(std::string key);
  void Forget(const std::string& key);  // resets the key's backoff
  int Retries(const std::string& key) const;

  // The next key; the caller calls Done(key) when finished with it. Nothing once the queue is closed.
  Task<std::optional<std::string>> Next();
  void Done(const std::string& key);

  void Close();         // waiting and later Next() return nothing; what is queued is dropped
  size_t size() const;  // keys ready to be handed out
  bool idle() const;    // none ready and none being processed (delayed ones do not count)

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sampan::client
