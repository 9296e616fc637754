#include "node/cri/operation_stats.h"

#include <fmt/format.h>

namespace sampan::cri {
namespace {

constexpr double kFirstBound = 0.005;
constexpr double kFactor = 2.5;

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

void Replace(std::string& text, std::string_view from, std::string_view to) {
  if (size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

}  // namespace

void OperationStats::Observe(std::string_view operation, Duration took, Outcome outcome) {
  auto operations = operations_.Lock();
  auto found = operations->find(operation);
  if (found == operations->end()) found = operations->emplace(operation, Operation()).first;
  Operation& stats = found->second;
  ++stats.count;
  if (outcome == Outcome::kError) ++stats.errors;
  stats.sum += took;
  double bound = kFirstBound;
  for (uint64_t& bucket : stats.buckets) {
    if (Seconds(took) <= bound) {
      ++bucket;
      return;
    }
    bound *= kFactor;
  }
}

std::string OperationStats::MetricsText() const {
  constexpr std::string_view kDuration = "kubelet_runtime_operations_duration_seconds";
  std::string durations = fmt::format(
      "# HELP {0} Duration in seconds of runtime operations. Broken down by operation type.\n# TYPE {0} histogram\n",
      kDuration);
  std::string totals =
      "# HELP kubelet_runtime_operations_total Cumulative number of runtime operations by operation type.\n"
      "# TYPE kubelet_runtime_operations_total counter\n";
  std::string errors =
      "# HELP kubelet_runtime_operations_errors_total Cumulative number of runtime operation errors by operation type.\n"
      "# TYPE kubelet_runtime_operations_errors_total counter\n";
  auto operations = operations_.ReadLock();
  for (const auto& [name, stats] : *operations) {
    uint64_t below = 0;
    double bound = kFirstBound;
    for (uint64_t bucket : stats.buckets) {
      below += bucket;
      durations += fmt::format("{}_bucket{{operation_type=\"{}\",le=\"{:.6g}\"}} {}\n", kDuration, name, bound, below);
      bound *= kFactor;
    }
    durations += fmt::format("{}_bucket{{operation_type=\"{}\",le=\"+Inf\"}} {}\n", kDuration, name, stats.count);
    durations += fmt::format("{}_sum{{operation_type=\"{}\"}} {:.9g}\n", kDuration, name, Seconds(stats.sum));
    durations += fmt::format("{}_count{{operation_type=\"{}\"}} {}\n", kDuration, name, stats.count);
    totals += fmt::format("kubelet_runtime_operations_total{{operation_type=\"{}\"}} {}\n", name, stats.count);
    if (stats.errors > 0) {
      errors += fmt::format("kubelet_runtime_operations_errors_total{{operation_type=\"{}\"}} {}\n", name, stats.errors);
    }
  }
  return durations + totals + errors;
}

std::string OperationName(std::string_view request) {
  if (request.ends_with("Request")) request.remove_suffix(std::string_view("Request").size());
  std::string name;
  for (char c : request) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !name.empty()) name += '_';
    name += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  Replace(name, "pod_sandbox", "podsandbox");
  Replace(name, "container_resources", "container");
  return name;
}

}  // namespace sampan::cri
