// A selector that parses is printed and parsed back to an equal one.
#include "api/meta/field_selector.h"
#include "api/meta/label_selector.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan::api;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto labels = LabelSelector::Parse(text)) {
    auto again = LabelSelector::Parse(labels->ToString());
    CHECK(again.has_value() && *again == *labels);
    labels->Matches({{"a", "b"}, {"n", "5"}});
  }
  if (auto fields = FieldSelector::Parse(text)) {
    auto again = FieldSelector::Parse(fields->ToString());
    CHECK(again.has_value() && again->requirements() == fields->requirements());
  }
  return 0;
}
