#include "dns/resolver.h"

#include <cstring>

#include "base/contain.h"
#include "dns/response.h"

namespace sampan::dns {

namespace {

constexpr int kMaxAliases = 8;
constexpr size_t kMaxWaiting = 10'000;  // queries; each holds less than 2 KiB
constexpr size_t kMaxWaitingOfOne = 500;

std::span<uint8_t> Limited(std::span<uint8_t> buffer, const Query& query, Transport transport) {
  return transport == Transport::kUdp ? buffer.first(std::min(buffer.size(), query.MaxUdpResponse())) : buffer;
}

bool IsKind(uint16_t type, Type wanted) {
  return type == static_cast<uint16_t>(wanted);
}

// The addresses and aliases of a response to `target`, as further answers of ours.
void CopyAnswers(const ResponseView& view, const std::string& target, ResponseWriter& writer) {
  view.ForEach([&](const RecordView& record) {
    if (record.section != 0) return false;
    std::string owner = view.NameAt(record.owner_at).value_or(target);
    if (IsKind(record.type, Type::kCname)) {
      std::optional<std::string> alias = view.NameAt(record.data_at);
      if (alias) writer.AddName(ResponseWriter::Section::kAnswer, owner, Type::kCname, record.ttl, *alias);
    } else if ((IsKind(record.type, Type::kA) && record.data.size() == 4) ||
               (IsKind(record.type, Type::kAaaa) && record.data.size() == 16)) {
      IpAddress address;
      address.size = static_cast<uint8_t>(record.data.size());
      std::memcpy(address.bytes.data(), record.data.data(), record.data.size());
      writer.AddAddress(ResponseWriter::Section::kAnswer, owner, record.ttl, address);
    }
    return true;
  });
}

}  // namespace

Resolver::Resolver(Guarded<Zone>& zone, Forwarder& forwarder, Clock& clock, ResponseCache::Limits cache)
    : zone_(zone), forwarder_(forwarder), clock_(clock), cache_(cache) {}

Resolver::~Resolver() {
  *alive_ = false;
}

Resolver::Step Resolver::Now(Bytes message, Transport transport, std::span<uint8_t> buffer) {
  stats_.queries.fetch_add(1, std::memory_order_relaxed);
  Query query;
  Received received = ParseQuery(message, query);
  if (received.action != Received::Action::kAnswer) {
    stats_.malformed.fetch_add(1, std::memory_order_relaxed);
    if (received.action == Received::Action::kDrop) return {Step::Kind::kDrop};
    return {Step::Kind::kDone, WriteRefusal(buffer, query.id, received.rcode)};
  }
  return AnswerNow(query, transport, Limited(buffer, query, transport));
}

Resolver::Step Resolver::AnswerNow(const Query& query, Transport transport, std::span<uint8_t> buffer) {
  auto refuse = [&](Rcode rcode) {
    return Step{Step::Kind::kDone, ResponseWriter(buffer, query).Finish(rcode, ResponseWriter::Authority::kNo)};
  };
  if (query.edns && query.edns_version != 0) return refuse(Rcode::kBadVers);
  // Transfers (251 to 254 are not types of records) and other classes are for name servers of zones.
  if (query.klass != kClassIn || (static_cast<uint16_t>(query.type) > 250 && query.type != Type::kAny)) {
    return refuse(Rcode::kRefused);
  }
  ResponseWriter writer(buffer, query);
  Zone::Outcome outcome = zone_.ReadLock()->Answer(query, ++rotation_, writer);
  if (outcome.kind == Zone::Outcome::Kind::kAnswered) {
    stats_.local.fetch_add(1, std::memory_order_relaxed);
    return {Step::Kind::kDone, writer.Finish(outcome.rcode, ResponseWriter::Authority::kYes)};
  }
  if (outcome.kind == Zone::Outcome::Kind::kNotHere) {
    size_t size = cache_.Get(query, clock_.Monotonic(), buffer);
    if (size > 0) {
      stats_.cached.fetch_add(1, std::memory_order_relaxed);
      return {Step::Kind::kDone, size};
    }
  }
  return {Step::Kind::kLater};
}

Resolver::Step Resolver::Failure(Bytes message, std::span<uint8_t> buffer) {
  if (message.size() < kHeaderSize) return {Step::Kind::kDrop};
  auto id = static_cast<uint16_t>(message[0] << 8 | message[1]);
  return {Step::Kind::kDone, WriteRefusal(buffer, id, Rcode::kServFail)};
}

void Resolver::Later(Bytes message, const Asker& asker, Reply reply) {
  auto pending = std::make_unique<Pending>();
  pending->message.assign(message.begin(), message.end());
  pending->transport = asker.transport;
  pending->client = asker.client;
  pending->reply = std::move(reply);
  Continue(std::move(pending));
}

void Resolver::Continue(PendingPtr pending) {
  Bytes message(reinterpret_cast<const uint8_t*>(pending->message.data()), pending->message.size());
  if (ParseQuery(message, pending->query).action != Received::Action::kAnswer) return ReplyFailure(*pending);
  std::string buffer(kMaxMessageSize, '\0');
  std::span<uint8_t> room(reinterpret_cast<uint8_t*>(buffer.data()), buffer.size());
  room = Limited(room, pending->query, pending->transport);
  std::string target;
  {
    ResponseWriter writer(room, pending->query);
    auto zone = zone_.ReadLock();
    Zone::Outcome outcome = zone->Answer(pending->query, ++rotation_, writer);
    if (outcome.kind == Zone::Outcome::Kind::kExternal) target = outcome.target;
  }
  if (!target.empty()) return Follow(std::move(pending), std::move(target));
  Step step = AnswerNow(pending->query, pending->transport, room);
  if (step.kind == Step::Kind::kDone) return pending->reply(room.first(step.size));
  Forward(std::move(pending));
}

// Asks for the name that an ExternalName service stands for. Clients are stubs: they want the addresses with the alias.
void Resolver::Follow(PendingPtr pending, std::string target) {
  std::optional<std::string> message = WriteQuery(0, target, pending->query.type);
  if (!message || pending->depth >= kMaxAliases) return ReplyFailure(*pending);
  auto inner = std::make_unique<Pending>();
  inner->message = *std::move(message);
  inner->transport = pending->transport;
  inner->client = pending->client;
  inner->depth = pending->depth + 1;
  inner->reply = [this, outer = std::move(pending), target = std::move(target)](Bytes response) mutable {
    FinishAlias(std::move(outer), target, response);
  };
  Continue(std::move(inner));
}

void Resolver::FinishAlias(PendingPtr pending, const std::string& target, Bytes response) {
  std::string buffer(kMaxMessageSize, '\0');
  std::span<uint8_t> room(reinterpret_cast<uint8_t*>(buffer.data()), buffer.size());
  room = Limited(room, pending->query, pending->transport);
  ResponseWriter writer(room, pending->query);
  // The service may have changed meanwhile; then the alias that was followed is still a true answer of a moment ago.
  writer.AddName(ResponseWriter::Section::kAnswer, {}, Type::kCname, 5, target);
  std::optional<ResponseView> view = ResponseView::Parse(response);
  if (view) CopyAnswers(*view, target, writer);
  Rcode rcode = view ? view->rcode() : Rcode::kServFail;
  pending->reply(room.first(writer.Finish(rcode, ResponseWriter::Authority::kYes)));
}

void Resolver::Forward(PendingPtr pending) {
  if (waiting_count_ >= kMaxWaiting) return ReplyFailure(*pending);
  size_t& share = waiting_of_[pending->client];
  if (share >= kMaxWaitingOfOne) return ReplyFailure(*pending);
  std::string key = QuestionKey(pending->query);
  key += pending->transport == Transport::kTcp ? 'T' : 'U';
  std::vector<PendingPtr>& waiting = waiting_[key];
  waiting.push_back(std::move(pending));
  ++waiting_count_;
  ++share;
  if (waiting.size() > 1) return;
  stats_.forwarded.fetch_add(1, std::memory_order_relaxed);
  const Pending& first = *waiting.front();
  Bytes message(reinterpret_cast<const uint8_t*>(first.message.data()), first.message.size());
  auto done = [this, alive = alive_, key](Bytes response) {
    if (*alive) Deliver(key, response);
  };
  auto forward = [&] { forwarder_.Forward(first.query.name(), message, first.transport, std::move(done)); };
  if (!Contain("dns forward", forward)) Deliver(key, {});
}

void Resolver::Deliver(const std::string& key, Bytes response) {
  auto found = waiting_.find(key);
  if (found == waiting_.end()) return;
  std::vector<PendingPtr> waiting = std::move(found->second);
  waiting_.erase(found);
  for (const PendingPtr& pending : waiting) Left(*pending);
  if (!response.empty()) {
    Contain("dns cache", [&] { cache_.Put(waiting.front()->query, response, clock_.Monotonic()); });
  }
  for (PendingPtr& pending : waiting) {
    Contain("dns query", [&] { DeliverOne(*pending, response); });
  }
}

void Resolver::Left(const Pending& pending) {
  --waiting_count_;
  auto share = waiting_of_.find(pending.client);
  if (share != waiting_of_.end() && --share->second == 0) waiting_of_.erase(share);
}

void Resolver::DeliverOne(Pending& pending, Bytes response) {
  // It answers the first of those that asked: the others have ids and letters of their own.
  const Query& query = pending.query;
  if (response.size() < kHeaderSize + query.question.size()) return ReplyFailure(pending);
  if (pending.transport == Transport::kUdp && response.size() > query.MaxUdpResponse()) {
    // Longer than the client takes: nothing but the flag that tells it to come by TCP.
    std::array<uint8_t, 512> buffer;
    ResponseWriter writer(buffer, query);
    writer.MarkTruncated();
    return pending.reply(Bytes(buffer).first(writer.Finish(Rcode::kNoError, ResponseWriter::Authority::kNo)));
  }
  std::string own(response.begin(), response.end());
  own[0] = static_cast<char>(query.id >> 8);
  own[1] = static_cast<char>(query.id);
  std::memcpy(own.data() + kHeaderSize, query.question.data(), query.question.size());
  pending.reply({reinterpret_cast<const uint8_t*>(own.data()), own.size()});
}

void Resolver::ReplyFailure(Pending& pending) {
  stats_.failed.fetch_add(1, std::memory_order_relaxed);
  std::array<uint8_t, 512> buffer;
  size_t size = ResponseWriter(buffer, pending.query).Finish(Rcode::kServFail, ResponseWriter::Authority::kNo);
  pending.reply(Bytes(buffer).first(size));
}

}  // namespace sampan::dns
