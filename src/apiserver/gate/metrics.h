// Counts of what was served, as Prometheus reads them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/gate/audit/log.h"
#include "apiserver/gate/places.h"
#include "apiserver/registry/registry.h"
#include "base/time.h"

namespace sampan::apiserver {

// Thread-safe and without locks: a fixed table of counters by resource, verb and status.
class Metrics {
 public:
  explicit Metrics(const Registry& registry);

  void Observe(const Resource* resource, std::string_view verb, int status, Duration duration);
  // The gate ended a request to protect the server: no place (429), no time left (504).
  void ObserveTermination(int status);

  // What became of audit events.
  static void RenderAudit(const audit::Sink& sink, std::string& out);
  // The whole exposition; `now` for the process's age.
  std::string Render(WallTime now, const Places& places) const;

 private:
  static constexpr std::array<std::string_view, 9> kVerbs = {
      "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "other"};
  static constexpr std::array<int, 18> kStatuses = {101, 200, 201, 304, 400, 401, 403, 404, 405,
                                                    409, 410, 415, 422, 429, 500, 503, 504, 0};
  static constexpr std::array<double, 10> kBounds = {0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 10, 60};
  struct Row {
    std::array<std::atomic<uint64_t>, kStatuses.size()> by_status{};
    std::array<std::atomic<uint64_t>, kBounds.size() + 1> by_duration{};
    std::atomic<uint64_t> nanoseconds{0};
  };
  size_t RowIndex(const Resource* resource, std::string_view verb) const;
  void RenderTerminations(std::string& out) const;
  void RenderRow(size_t index, std::string& counts, std::string& durations) const;

  const Registry& registry_;
  const WallTime started_;
  std::atomic<uint64_t> crowded_{0};
  std::atomic<uint64_t> late_{0};
  std::vector<Row> rows_;  // verbs of the first resource, of the second ..., of requests for no stored resource
};

}  // namespace sampan::apiserver
