#include "dns/forwarder.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/contain.h"
#include "base/log.h"
#include "dns/response.h"
#include "os/fd.h"
#include "os/file.h"

namespace sampan::dns {

namespace {

constexpr Duration kReadInterval = std::chrono::seconds(5);

std::vector<Upstream> ParseAll(const std::vector<std::string>& texts) {
  std::vector<Upstream> upstreams;
  for (const std::string& text : texts) {
    std::optional<Upstream> upstream = Upstream::Parse(text);
    if (upstream) upstreams.push_back(*std::move(upstream));
    if (!upstream) LOG_WARN("dns", "{:?} is no address of a resolver", text);
  }
  return upstreams;
}

// Whether asking it would be asking ourselves.
bool IsOneOf(const std::vector<std::string>& addresses, const Upstream& upstream) {
  return std::ranges::any_of(addresses, [&](const std::string& text) {
    std::optional<Upstream> own = Upstream::Parse(text);
    return own && *own == upstream;
  });
}

}  // namespace

// One query on its way: a socket to one upstream, then to the next.
class Forwarder::Exchange final : public IoLoop::Watcher {
 public:
  Exchange(Forwarder& owner, Bytes query, Transport transport, Done done, ListPtr list, std::vector<Upstream> upstreams)
      : owner_(owner),
        transport_(transport),
        done_(std::move(done)),
        list_(std::move(list)),
        upstreams_(std::move(upstreams)),
        query_(query.begin(), query.end()),
        timer_(owner.loop_, [this] { Guarded([this] { NextAttempt(true); }); }) {
    std::memcpy(client_id_, query_.data(), 2);
  }
  void Start() {
    Guarded([this] { NextAttempt(false); });
  }
  // Afterwards it refers to nothing of its owner.
  void Shut() {
    timer_.Disarm();
    Close();
  }
  Done TakeDone() { return std::move(done_); }

  void OnReady(uint32_t events) override {
    Guarded([this] { transport_ == Transport::kTcp ? OnStream() : OnDatagrams(); });
  }

 private:
  // What escapes it costs the query: whoever waits is told that nobody answered.
  template <class F>
  void Guarded(F step) {
    if (!Contain("dns forward", step)) owner_.Finish(this, {});
  }

  void OnDatagrams() {
    while (true) {
      ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got < 0) return NextAttempt(true);  // refused
      if (Accept({reinterpret_cast<const uint8_t*>(buffer_.data()), static_cast<size_t>(got)})) return;
    }
  }

  void Close() {
    if (socket_) owner_.loop_.Unwatch(socket_.get(), *this);
    socket_.Reset();
  }

  void NextAttempt(bool failed) {
    if (failed) list_->Failed(Current(), owner_.clock_.Monotonic());
    while (attempt_ < owner_.options_.attempts && attempt_ < upstreams_.size() * 2) {
      ++attempt_;
      Close();
      if (Open()) return timer_.Arm(owner_.options_.attempt_timeout);
    }
    owner_.Finish(this, {});
  }

  const Upstream& Current() const { return upstreams_[(attempt_ - 1) % upstreams_.size()]; }

  // A new socket for each attempt: the kernel then picks a random port, which a forger has to guess along with the id.
  bool Open() {
    const Upstream& upstream = Current();
    auto id = static_cast<uint16_t>(owner_.rng_.Next());
    std::memcpy(query_.data(), &id, 2);
    int type = transport_ == Transport::kUdp ? SOCK_DGRAM : SOCK_STREAM;
    socket_ = os::Fd(::socket(upstream.address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return false;
    const auto* address = reinterpret_cast<const sockaddr*>(&upstream.address);
    if (::connect(socket_.get(), address, upstream.length) != 0 && errno != EINPROGRESS) {
      socket_.Reset();
      return false;
    }
    if (transport_ == Transport::kUdp) {
      buffer_.resize(4096);
      if (::send(socket_.get(), query_.data(), query_.size(), MSG_NOSIGNAL) < 0) {
        socket_.Reset();
        return false;
      }
    } else {
      buffer_.clear();
      output_.assign({static_cast<char>(query_.size() >> 8), static_cast<char>(query_.size())});
      output_ += query_;
    }
    owner_.loop_.Watch(socket_.get(), *this);
    return true;
  }

  void OnStream() {
    while (!output_.empty()) {
      ssize_t sent = ::send(socket_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (sent < 0) return NextAttempt(true);
      output_.erase(0, static_cast<size_t>(sent));
    }
    while (true) {
      char chunk[4096];
      ssize_t got = ::recv(socket_.get(), chunk, sizeof chunk, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got <= 0) return NextAttempt(true);
      buffer_.append(chunk, static_cast<size_t>(got));
      if (buffer_.size() < 2) continue;
      size_t length = static_cast<uint8_t>(buffer_[0]) << 8 | static_cast<uint8_t>(buffer_[1]);
      if (buffer_.size() < length + 2) continue;
      if (!Accept({reinterpret_cast<const uint8_t*>(buffer_.data()) + 2, length})) NextAttempt(true);
      return;
    }
  }

  // False when it is no response to this query: then the right one may still come.
  bool Accept(Bytes response) {
    std::optional<ResponseView> view = ResponseView::Parse(response);
    if (!view || std::memcmp(response.data(), query_.data(), 2) != 0) return false;
    Bytes sent(reinterpret_cast<const uint8_t*>(query_.data()) + kHeaderSize, query_.size() - kHeaderSize);
    if (view->question().size() > sent.size() || !SameQuestion(view->question(), sent.first(view->question().size()))) {
      return false;
    }
    bool last = attempt_ >= owner_.options_.attempts || attempt_ >= upstreams_.size();
    if ((view->rcode() == Rcode::kServFail || view->rcode() == Rcode::kRefused) && !last) {
      NextAttempt(true);
      return true;
    }
    list_->Answered(Current());
    std::string restored(response.begin(), response.end());
    std::memcpy(restored.data(), client_id_, 2);
    owner_.Finish(this, {reinterpret_cast<const uint8_t*>(restored.data()), restored.size()});
    return true;
  }

  Forwarder& owner_;
  const Transport transport_;
  Done done_;
  const ListPtr list_;  // where it is noted who answers
  const std::vector<Upstream> upstreams_;
  std::string query_;
  char client_id_[2];
  size_t attempt_ = 0;
  os::Fd socket_;
  std::string buffer_;  // kUdp: room for a datagram; kTcp: what came so far
  std::string output_;
  IoLoop::Timer timer_;
};

Forwarder::Forwarder(IoLoop& loop, Clock& clock, Rng& rng, ForwarderOptions options)
    : loop_(loop), clock_(clock), rng_(rng), options_(std::move(options)) {
  upstreams_ = std::make_shared<UpstreamList>(ParseAll(options_.upstreams));
  SetZones(options_.zones);
}

Forwarder::~Forwarder() {
  for (auto& [key, exchange] : exchanges_) exchange->Shut();
}

void Forwarder::ReadResolvConf() {
  MonoTime now = clock_.Monotonic();
  if (!options_.upstreams.empty() || now < next_read_) return;
  next_read_ = now + kReadInterval;
  Result<os::FileStat> stat = os::Stat(options_.resolv_conf);
  if (!stat || stat->modified_seconds == read_version_) return;
  read_version_ = stat->modified_seconds;
  Result<std::string> text = os::ReadFile(options_.resolv_conf, os::kConfigFileLimit);
  if (text) upstreams_->Replace(ParseResolvConf(*text, options_.excluded));
}

void Forwarder::SetZones(const ForwardZones& zones) {
  zones_.clear();
  for (const auto& [zone, texts] : zones) {
    std::vector<Upstream> upstreams = ParseAll(texts);
    std::erase_if(upstreams, [&](const Upstream& upstream) { return IsOneOf(options_.excluded, upstream); });
    zones_[zone] = upstreams.empty() ? upstreams_ : std::make_shared<UpstreamList>(std::move(upstreams));
  }
}

const Forwarder::ListPtr& Forwarder::ListFor(std::string_view name) const {
  while (!zones_.empty()) {
    auto found = zones_.find(name);
    if (found != zones_.end()) return found->second;
    if (name.empty()) break;
    name.remove_prefix(std::min(name.find('.'), name.size() - 1) + 1);
  }
  return upstreams_;
}

void Forwarder::Forward(std::string_view name, Bytes query, Transport transport, Done done) {
  ReadResolvConf();
  const ListPtr& list = ListFor(name);
  std::vector<Upstream> order = list->Order(clock_.Monotonic());
  if (order.empty() || exchanges_.size() >= options_.max_in_flight) {
    return loop_.Post([done = std::move(done)]() mutable { done({}); });
  }
  auto exchange = std::make_unique<Exchange>(*this, query, transport, std::move(done), list, std::move(order));
  Exchange* started = exchange.get();
  exchanges_.emplace(started, std::move(exchange));
  started->Start();
}

// The exchange is on the stack of its own callbacks: it dies by a job of the loop, which also calls back.
void Forwarder::Finish(Exchange* exchange, Bytes response) {
  auto found = exchanges_.find(exchange);
  if (found == exchanges_.end()) return;
  std::unique_ptr<Exchange> finished = std::move(found->second);
  exchanges_.erase(found);
  finished->Shut();
  loop_.Post([finished = std::move(finished), text = std::string(response.begin(), response.end())]() mutable {
    Done done = finished->TakeDone();
    finished.reset();
    done({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  });
}

}  // namespace sampan::dns
