// Any bytes may come as a query or as an upstream's response.
#include "dns/response.h"
#include "dns/zone.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sampan::dns;
  static const Zone zone = [] {
    Zone made({});
    made.AddNamespace("a");
    made.SetService("a", "b", {.cluster_ips = {*IpAddress::Parse("10.96.0.7")}, .ports = {{"c", "tcp", 80}}});
    return made;
  }();
  Bytes message(data, size);
  std::array<uint8_t, kMaxUdpSize> buffer;
  Query query;
  if (ParseQuery(message, query).action == Received::Action::kAnswer) {
    ResponseWriter writer(std::span<uint8_t>(buffer).first(query.MaxUdpResponse()), query);
    Zone::Outcome outcome = zone.Answer(query, 0, writer);
    size_t written = writer.Finish(outcome.rcode, ResponseWriter::Authority::kYes);
    if (!ResponseView::Parse(Bytes(buffer).first(written))) __builtin_trap();
  }
  std::optional<ResponseView> view = ResponseView::Parse(message);
  if (view) {
    view->ForEach([&](const RecordView& record) {
      (void)view->NameAt(record.owner_at);
      (void)view->NameAt(record.data_at);
      return true;
    });
  }
  return 0;
}
