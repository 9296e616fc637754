#include <cerrno>
#include <cstring>

#include "base/contain.h"
#include "dns/listeners.h"

namespace sampan::dns {

namespace {

// After so many batches the loop's other work gets its turn.
constexpr int kBatchesInTurn = 16;

}  // namespace

UdpListener::UdpListener(IoLoop& loop, Resolver& resolver, os::Fd socket)
    : loop_(loop), resolver_(resolver), socket_(std::move(socket)), slots_(kBatch) {
  loop_.Watch(socket_.get(), *this);
}

UdpListener::~UdpListener() {
  *alive_ = false;
  loop_.Unwatch(socket_.get(), *this);
}

void UdpListener::OnReady(uint32_t events) {
  for (int i = 0; i < kBatchesInTurn; ++i) {
    if (!ReadBatch()) return;
  }
  loop_.Post([this, alive = alive_] {
    if (*alive) OnReady(0);
  });
}

// False when nothing more waits.
bool UdpListener::ReadBatch() {
  for (size_t i = 0; i < kBatch; ++i) {
    received_parts_[i] = {slots_[i].query.data(), slots_[i].query.size()};
    received_[i] = {};
    received_[i].msg_hdr.msg_name = &slots_[i].peer;
    received_[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    received_[i].msg_hdr.msg_iov = &received_parts_[i];
    received_[i].msg_hdr.msg_iovlen = 1;
  }
  int count = ::recvmmsg(socket_.get(), received_.data(), kBatch, MSG_DONTWAIT, nullptr);
  // Errors here are those of earlier sends (a client that went away); they are not this batch's.
  if (count < 0) return errno != EAGAIN && errno != EWOULDBLOCK;
  size_t answers = 0;
  for (int i = 0; i < count; ++i) {
    Slot& slot = slots_[static_cast<size_t>(i)];
    msghdr& header = received_[static_cast<size_t>(i)].msg_hdr;
    if ((header.msg_flags & MSG_TRUNC) != 0) continue;
    Bytes message(slot.query.data(), received_[static_cast<size_t>(i)].msg_len);
    Resolver::Step step = Answer(message, slot, header.msg_namelen);
    if (step.kind == Resolver::Step::Kind::kDone) {
      sent_parts_[answers] = {slot.response.data(), step.size};
      sent_[answers] = {};
      sent_[answers].msg_hdr.msg_name = &slot.peer;
      sent_[answers].msg_hdr.msg_namelen = header.msg_namelen;
      sent_[answers].msg_hdr.msg_iov = &sent_parts_[answers];
      sent_[answers].msg_hdr.msg_iovlen = 1;
      ++answers;
    }
  }
  SendBatch(answers);
  return static_cast<size_t>(count) == kBatch;
}

// What escapes a query costs that query: the others of its batch are answered.
Resolver::Step UdpListener::Answer(Bytes message, Slot& slot, socklen_t length) {
  Resolver::Step step;
  bool whole = Contain("dns query", [&] {
    step = resolver_.Now(message, Transport::kUdp, slot.response);
    if (step.kind != Resolver::Step::Kind::kLater) return;
    auto reply = [this, alive = alive_, peer = slot.peer, length](Bytes response) {
      if (!*alive) return;
      ::sendto(socket_.get(), response.data(), response.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&peer),
               length);
    };
    resolver_.Later(message, {Transport::kUdp, AddressOf(slot.peer)}, std::move(reply));
  });
  if (!whole) step = Resolver::Failure(message, slot.response);
  return step;
}

// What does not fit the socket's buffer is lost, as datagrams are.
void UdpListener::SendBatch(size_t count) {
  size_t sent = 0;
  while (sent < count) {
    int result = ::sendmmsg(socket_.get(), sent_.data() + sent, static_cast<unsigned>(count - sent), MSG_DONTWAIT);
    sent += result > 0 ? static_cast<size_t>(result) : 1;
  }
}

}  // namespace sampan::dns
