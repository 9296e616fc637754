// From the bytes of a query to the bytes of its response: the cluster's names from the zone, all others from the cache or
// from upstream. On one I/O loop's thread; the zone is shared.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "dns/cache.h"
#include "dns/forwarder.h"
#include "dns/zone.h"

namespace sampan::dns {

struct ResolverStats {
  std::atomic<uint64_t> queries{0};
  std::atomic<uint64_t> local{0};      // answered from the zone
  std::atomic<uint64_t> cached{0};     // answered from the cache
  std::atomic<uint64_t> forwarded{0};  // asked upstream
  std::atomic<uint64_t> failed{0};     // SERVFAIL: no upstream answered
  std::atomic<uint64_t> malformed{0};
};

class Resolver {
 public:
  Resolver(Guarded<Zone>& zone, Forwarder& forwarder, Clock& clock, ResponseCache::Limits cache);
  ~Resolver();

  struct Step {
    enum class Kind : unsigned char { kDone, kDrop, kLater };
    Kind kind = Kind::kDrop;
    size_t size = 0;  // kDone: of the response in `buffer`
  };
  // Answers at once what needs nobody else; `buffer` (at least kMaxUdpSize bytes) limits the response along with what the
  // client can take. kLater: call Later() with the same message.
  Step Now(Bytes message, Transport transport, std::span<uint8_t> buffer);

  // SERVFAIL for a query that was lost.
  static Step Failure(Bytes message, std::span<uint8_t> buffer);

  // Who asks: one client has a share of the queries that may wait.
  struct Asker {
    Transport transport = Transport::kUdp;
    IpAddress client;
  };
  // The response once it is there. `reply` is called once, unless the resolver dies before.
  using Reply = std::move_only_function<void(Bytes response)>;
  void Later(Bytes message, const Asker& asker, Reply reply);

  // Drops what is cached.
  void Forget() { cache_.Clear(); }

  const ResolverStats& stats() const { return stats_; }

 private:
  // A query that waits for others. It owns the message that `query` refers to.
  struct Pending {
    std::string message;
    Query query;
    Transport transport = Transport::kUdp;
    IpAddress client;
    int depth = 0;
    Reply reply;
  };
  using PendingPtr = std::unique_ptr<Pending>;

  Step AnswerNow(const Query& query, Transport transport, std::span<uint8_t> buffer);
  void Continue(PendingPtr pending);
  void Follow(PendingPtr pending, std::string target);
  void FinishAlias(PendingPtr pending, const std::string& target, Bytes response);
  void Forward(PendingPtr pending);
  void Deliver(const std::string& key, Bytes response);
  void Left(const Pending& pending);
  void DeliverOne(Pending& pending, Bytes response);
  void ReplyFailure(Pending& pending);

  Guarded<Zone>& zone_;
  Forwarder& forwarder_;
  Clock& clock_;
  ResponseCache cache_;
  // Whoever waits for the same answer. Asking once also keeps a forger from having many guesses at one question.
  std::unordered_map<std::string, std::vector<PendingPtr>> waiting_;
  size_t waiting_count_ = 0;
  std::map<IpAddress, size_t> waiting_of_;  // each client's share of the count
  ResolverStats stats_;
  uint32_t rotation_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sampan::dns
