// Any text as each of the small languages of fields: times, durations, percentages, addresses, ranges, names.
#include "api/meta/instant.h"
#include "api/meta/int_or_string.h"
#include "api/validation/names.h"
#include "base/check.h"
#include "base/time.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto instant = api::ParseInstant(text)) {
    std::string shown = api::FormatInstant(*instant, api::Precision::kMicroseconds);
    auto again = api::ParseInstant(shown);
    CHECK(again.has_value());
    CHECK(api::FormatInstant(*again, api::Precision::kMicroseconds) == shown);
  }
  if (auto time = ParseTime(text)) CHECK(ParseTime(FormatTime(*time)).has_value());
  if (auto duration = ParseDuration(text)) CHECK(ParseDuration(FormatDuration(*duration)) == duration);
  api::IntOrString either{std::string(text)};
  (void)either.Scaled(INT32_MAX, api::IntOrString::Rounding::kUp);
  for (api::names::Check check : {api::names::Dns1123Label, api::names::Dns1123Subdomain, api::names::QualifiedName,
                                  api::names::LabelValue, api::names::IpAddress, api::names::Cidr, api::names::PortName,
                                  api::names::EnvVar, api::names::ConfigKey, api::names::PathSegment}) {
    (void)check(text);
  }
  return 0;
}
