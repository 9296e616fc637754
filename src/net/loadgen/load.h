// Keeps a server busy over a few connections and measures it. Spares the processor, which it usually shares with the server.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "async/io_loop.h"
#include "base/error.h"
#include "base/time.h"
#include "net/client.h"

namespace sampan::net::loadgen {

struct LoadOptions {
  ClientOptions target;  // tls null: plain
  std::string method = "GET";
  std::string path = "/";
  std::string body;                  // {n} becomes the request's number
  std::vector<std::string> headers;  // "name: value"
  size_t connections = 32;
  size_t threads = 1;
  Duration duration = std::chrono::seconds(10);
  uint64_t requests = 0;  // stop after so many; 0: after `duration`
  uint64_t first_number = 0;
};

// Latencies in buckets of about 3 %.
class Histogram {
 public:
  void Add(Duration latency);
  void Merge(const Histogram& other);
  Duration Percentile(double percent) const;
  uint64_t count() const { return count_; }

 private:
  static constexpr size_t kSub = 32;
  std::array<uint64_t, 64 * kSub> buckets_{};
  uint64_t count_ = 0;
};

struct LoadReport {
  uint64_t succeeded = 0;
  uint64_t failed = 0;  // another status than 2xx, or the connection broke
  std::string first_failure;
  uint64_t bytes = 0;  // of bodies received
  Duration elapsed{0};
  Histogram latencies;
};

// Blocks until done. Fails when no connection can be made.
Result<LoadReport> RunLoad(const LoadOptions& options);

}  // namespace sampan::net::loadgen
