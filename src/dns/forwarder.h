// Asks the upstream resolvers. Everything runs on one I/O loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/clock.h"
#include "async/io_loop.h"
#include "base/rng.h"
#include "dns/config.h"
#include "dns/upstreams.h"
#include "dns/wire.h"

namespace sampan::dns {

enum class Transport : unsigned char { kUdp, kTcp };

struct ForwarderOptions {
  std::vector<std::string> upstreams;  // fixed ones; empty: those of resolv_conf, read again when it changes
  std::string resolv_conf = "/etc/resolv.conf";
  std::vector<std::string> excluded;  // addresses that are ourselves
  Duration attempt_timeout = std::chrono::seconds(2);
  size_t attempts = 3;  // in all, over the upstreams in turn
  size_t max_in_flight = 1000;
  ForwardZones zones;  // names that others are asked for
};

class Forwarder {
 public:
  // The response with the id of the query it answers; empty when nobody answered.
  using Done = std::move_only_function<void(Bytes response)>;

  Forwarder(IoLoop& loop, Clock& clock, Rng& rng, ForwarderOptions options);
  ~Forwarder();  // drops what is under way without a word

  // Sends the query for `name` (with a random id, from a random port) to one upstream of the smallest zone around the name
  // after the other until one answers. `done` is called once, later, never from within.
  void Forward(std::string_view name, Bytes query, Transport transport, Done done);

  // From now on; queries under way are not touched.
  void SetZones(const ForwardZones& zones);

  size_t in_flight() const { return exchanges_.size(); }

 private:
  class Exchange;
  using ListPtr = std::shared_ptr<UpstreamList>;
  void ReadResolvConf();
  const ListPtr& ListFor(std::string_view name) const;
  void Finish(Exchange* exchange, Bytes response);

  IoLoop& loop_;
  Clock& clock_;
  Rng& rng_;
  const ForwarderOptions options_;
  ListPtr upstreams_;  // of names in no zone
  std::map<std::string, ListPtr, std::less<>> zones_;
  MonoTime next_read_{};
  int64_t read_version_ = -1;
  std::unordered_map<Exchange*, std::unique_ptr<Exchange>> exchanges_;
};

}  // namespace sampan::dns
