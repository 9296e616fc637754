// sampan-load --host 127.0.0.1 --port 6443 --path /api/v1/... [--ca F --cert F --key F] [--connections 32] [--duration 10s]
#include <charconv>
#include <cstdio>

#include "net/loadgen/load.h"
#include "net/pki.h"

namespace sampan::net::loadgen {
namespace {

constexpr std::string_view kUsage =
    "usage: sampan-load --host IP --port N --path PATH [--method GET] [--body TEXT] [--header 'name: value']...\n"
    "         [--ca FILE] [--cert FILE --key FILE] [--insecure] [--connections 32] [--threads 1]\n"
    "         [--duration 10s | --requests N] [--first-number N] [--json]\n"
    "{n} in the body becomes the number of the request. TLS is used when --ca or --insecure is given.\n";

struct Arguments {
  LoadOptions load;
  std::string ca, certificate, key;
  bool insecure = false;
  bool json = false;
};

Result<uint64_t> ParseNumber(std::string_view name, std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Fail(Error::BadRequest("{}: \"{}\" is not a number", name, text));
  }
  return value;
}

Result<void> ReadInto(std::string& target, const std::string& path) {
  TRY(target, ReadWholeFile(path));
  return {};
}

Result<void> SetNumber(Arguments& arguments, std::string_view name, std::string_view value) {
  TRY(uint64_t number, ParseNumber(name, value));
  LoadOptions& load = arguments.load;
  if (name == "--port")
    load.target.port = static_cast<uint16_t>(number);
  else if (name == "--connections")
    load.connections = number;
  else if (name == "--threads")
    load.threads = number;
  else if (name == "--requests")
    load.requests = number;
  else if (name == "--first-number")
    load.first_number = number;
  else
    return Fail(Error::BadRequest("unknown flag {}", name));
  return {};
}

Result<void> SetValue(Arguments& arguments, std::string_view name, const std::string& value) {
  LoadOptions& load = arguments.load;
  if (name == "--host")
    load.target.host = value;
  else if (name == "--path")
    load.path = value;
  else if (name == "--method")
    load.method = value;
  else if (name == "--body")
    load.body = value;
  else if (name == "--header")
    load.headers.push_back(value);
  else if (name == "--ca")
    return ReadInto(arguments.ca, value);
  else if (name == "--cert")
    return ReadInto(arguments.certificate, value);
  else if (name == "--key")
    return ReadInto(arguments.key, value);
  else if (name == "--duration") {
    std::optional<Duration> duration = ParseDuration(value);
    if (!duration) return Fail(Error::BadRequest("--duration: \"{}\" is not a duration like 10s", value));
    load.duration = *duration;
  } else
    return SetNumber(arguments, name, value);
  return {};
}

Result<Arguments> ParseArguments(std::span<char*> words) {
  Arguments arguments;
  for (size_t i = 1; i < words.size(); ++i) {
    std::string_view name = words[i];
    if (name == "--insecure")
      arguments.insecure = true;
    else if (name == "--json")
      arguments.json = true;
    else if (i + 1 == words.size())
      return Fail(Error::BadRequest("{} needs a value", name));
    else
      TRY_VOID(SetValue(arguments, name, words[++i]));
  }
  if (arguments.load.target.host.empty() || arguments.load.target.port == 0) {
    return Fail(Error::BadRequest("--host and --port are needed"));
  }
  if (!arguments.ca.empty() || arguments.insecure) {
    arguments.load.target.tls = std::make_shared<TlsClientOptions>(
        TlsClientOptions{arguments.ca, arguments.certificate, arguments.key, arguments.insecure, ""});
  }
  return arguments;
}

void Print(const LoadReport& report, bool json) {
  auto milliseconds = [](Duration time) { return std::chrono::duration<double, std::milli>(time).count(); };
  double seconds = std::chrono::duration<double>(report.elapsed).count();
  double rate = static_cast<double>(report.succeeded) / seconds;
  double bytes = static_cast<double>(report.bytes) / seconds;
  std::string text =
      json ? fmt::format(R"({{"rps":{:.1f},"p50_ms":{:.3f},"p99_ms":{:.3f},"max_ms":{:.3f},"bytes_per_second":{:.0f},)"
                         R"("succeeded":{},"failed":{},"seconds":{:.3f}}})",
                         rate, milliseconds(report.latencies.Percentile(50)), milliseconds(report.latencies.Percentile(99)),
                         milliseconds(report.latencies.Percentile(100)), bytes, report.succeeded, report.failed, seconds)
           : fmt::format("{:.0f} requests/s, p50 {:.3f} ms, p99 {:.3f} ms, {:.1f} MB/s, {} succeeded, {} failed in {:.1f} s",
                         rate, milliseconds(report.latencies.Percentile(50)), milliseconds(report.latencies.Percentile(99)),
                         bytes / 1e6, report.succeeded, report.failed, seconds);
  std::puts(text.c_str());
}

int Main(std::span<char*> words) {
  Result<Arguments> arguments = ParseArguments(words);
  if (!arguments) {
    fmt::print(stderr, "sampan-load: {}\n{}", arguments.error(), kUsage);
    return 2;
  }
  Result<LoadReport> report = RunLoad(arguments->load);
  if (!report) {
    fmt::print(stderr, "sampan-load: {}\n", report.error());
    return 1;
  }
  Print(*report, arguments->json);
  if (report->failed > 0) fmt::print(stderr, "sampan-load: first failure: {}\n", report->first_failure);
  return report->failed > 0 || report->succeeded == 0 ? 1 : 0;
}

}  // namespace
}  // namespace sampan::net::loadgen

int main(int count, char** words) {
  return sampan::net::loadgen::Main({words, static_cast<size_t>(count)});
}
