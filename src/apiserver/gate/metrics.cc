#include "apiserver/gate/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/contain.h"

namespace sampan::apiserver {

namespace {

// Resident bytes of this process; 0 when /proc is not there.
uint64_t ResidentBytes() {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "re"), &std::fclose);
  unsigned long total = 0, resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%lu %lu", &total, &resident) != 2) return 0;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void Gauge(std::string_view name, std::string_view help, double value, std::string& out) {
  out += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0} {2}\n", name, help, value);
}

}  // namespace

Metrics::Metrics(const Registry& registry)
    : registry_(registry), started_(registry.clock().Now()), rows_((registry.resources().size() + 1) * kVerbs.size()) {}

size_t Metrics::RowIndex(const Resource* resource, std::string_view verb) const {
  size_t which =
      resource == nullptr ? registry_.resources().size() : static_cast<size_t>(resource - registry_.resources().data());
  auto found = std::find(kVerbs.begin(), kVerbs.end() - 1, verb);
  return which * kVerbs.size() + static_cast<size_t>(found - kVerbs.begin());
}

void Metrics::Observe(const Resource* resource, std::string_view verb, int status, Duration duration) {
  Row& row = rows_[RowIndex(resource, verb)];
  auto code = std::find(kStatuses.begin(), kStatuses.end() - 1, status);
  row.by_status[static_cast<size_t>(code - kStatuses.begin())].fetch_add(1, std::memory_order_relaxed);
  double seconds = std::chrono::duration<double>(duration).count();
  auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  row.by_duration[static_cast<size_t>(bound - kBounds.begin())].fetch_add(1, std::memory_order_relaxed);
  row.nanoseconds.fetch_add(static_cast<uint64_t>(duration.count()), std::memory_order_relaxed);
}

void Metrics::RenderRow(size_t index, std::string& counts, std::string& durations) const {
  const Row& row = rows_[index];
  std::string_view verb = kVerbs[index % kVerbs.size()];
  size_t which = index / kVerbs.size();
  std::string labels = fmt::format(R"(verb="{}",group="",resource="")", verb);
  if (which < registry_.resources().size()) {
    const api::KindInfo& kind = *registry_.resources()[which].kind;
    labels = fmt::format(R"(verb="{}",group="{}",resource="{}")", verb, kind.group, kind.resource);
  }
  for (size_t i = 0; i < kStatuses.size(); ++i) {
    uint64_t count = row.by_status[i].load(std::memory_order_relaxed);
    if (count > 0) counts += fmt::format("apiserver_request_total{{{},code=\"{}\"}} {}\n", labels, kStatuses[i], count);
  }
  uint64_t sum = 0;
  std::string buckets;
  for (size_t i = 0; i <= kBounds.size(); ++i) {
    sum += row.by_duration[i].load(std::memory_order_relaxed);
    std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
    buckets += fmt::format("apiserver_request_duration_seconds_bucket{{{},le=\"{}\"}} {}\n", labels, bound, sum);
  }
  if (sum == 0) return;
  durations += buckets;
  double total = static_cast<double>(row.nanoseconds.load(std::memory_order_relaxed)) / 1e9;
  durations += fmt::format("apiserver_request_duration_seconds_sum{{{}}} {}\n", labels, total);
  durations += fmt::format("apiserver_request_duration_seconds_count{{{}}} {}\n", labels, sum);
}

void Metrics::ObserveTermination(int status) {
  (status == 429 ? crowded_ : late_).fetch_add(1, std::memory_order_relaxed);
}

void Metrics::RenderAudit(const audit::Sink& sink, std::string& out) {
  out += fmt::format(
      "# HELP apiserver_audit_event_total Audit events made.\n# TYPE apiserver_audit_event_total counter\n"
      "apiserver_audit_event_total {}\n",
      sink.written());
  out += fmt::format(
      "# HELP apiserver_audit_error_total Audit events that were lost.\n# TYPE apiserver_audit_error_total counter\n"
      "apiserver_audit_error_total{{plugin=\"log\"}} {}\n",
      sink.lost());
}

void Metrics::RenderTerminations(std::string& out) const {
  out +=
      "# HELP apiserver_request_terminations_total Requests that the server ended to protect itself.\n"
      "# TYPE apiserver_request_terminations_total counter\n";
  out += fmt::format("apiserver_request_terminations_total{{code=\"429\"}} {}\n", crowded_.load());
  out += fmt::format("apiserver_request_terminations_total{{code=\"504\"}} {}\n", late_.load());
  out +=
      "# HELP sampan_contained_failures_total Units of work that something unforeseen ended.\n"
      "# TYPE sampan_contained_failures_total counter\n";
  for (const auto& [unit, count] : EscapeCounts()) {
    out += fmt::format("sampan_contained_failures_total{{unit=\"{}\"}} {}\n", unit, count);
  }
}

std::string Metrics::Render(WallTime now, const Places& places) const {
  std::string counts = "# HELP apiserver_request_total Requests answered.\n# TYPE apiserver_request_total counter\n";
  std::string durations =
      "# HELP apiserver_request_duration_seconds Time from the request to its answer.\n"
      "# TYPE apiserver_request_duration_seconds histogram\n";
  for (size_t i = 0; i < rows_.size(); ++i) RenderRow(i, counts, durations);
  std::string out = std::move(counts) + durations;
  out += "# HELP apiserver_storage_objects Objects kept, by resource.\n# TYPE apiserver_storage_objects gauge\n";
  for (const Resource& resource : registry_.resources()) {
    out += fmt::format("apiserver_storage_objects{{resource=\"{}\"}} {}\n", resource.kind->resource, resource.cache->size());
  }
  out +=
      "# HELP apiserver_current_inflight_requests Requests being served.\n"
      "# TYPE apiserver_current_inflight_requests gauge\n";
  out +=
      fmt::format("apiserver_current_inflight_requests{{request_kind=\"readOnly\"}} {}\n", places.InFlight(Flow::kReadOnly));
  out +=
      fmt::format("apiserver_current_inflight_requests{{request_kind=\"mutating\"}} {}\n", places.InFlight(Flow::kMutating));
  out += fmt::format(
      "# HELP apiserver_rejected_requests_total Requests refused by a limit.\n"
      "# TYPE apiserver_rejected_requests_total counter\napiserver_rejected_requests_total {}\n",
      places.refused());
  RenderTerminations(out);
  Gauge("apiserver_longrunning_requests", "Watches and streams being served.",
        static_cast<double>(places.InFlight(Flow::kLongRunning)), out);
  Gauge("apiserver_storage_revision", "The store's revision.", static_cast<double>(registry_.storage().current_revision()),
        out);
  Gauge("apiserver_storage_healthy", "1 while writes succeed.", registry_.storage().Health() ? 0 : 1, out);
  Gauge("process_resident_memory_bytes", "Resident memory.", static_cast<double>(ResidentBytes()), out);
  Gauge("process_start_time_seconds", "When the process began, in seconds of the epoch.",
        std::chrono::duration<double>(started_.time_since_epoch()).count(), out);
  Gauge("process_uptime_seconds", "The age of the process.", std::chrono::duration<double>(now - started_).count(), out);
  return out;
}

}  // namespace sampan::apiserver
