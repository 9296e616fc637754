// The canonical form of a quantity parses to an equal quantity with the same canonical form.
#include "api/meta/quantity.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sampan::api::Quantity;
  auto quantity = Quantity::Parse({reinterpret_cast<const char*>(data), size});
  if (!quantity) return 0;
  std::string text = quantity->ToString();
  auto again = Quantity::Parse(text);
  CHECK(again.has_value());
  CHECK(*again == *quantity);
  CHECK(again->ToString() == text);
  (void)quantity->MilliValue();
  (void)(*quantity + *again).ToString();
  return 0;
}
