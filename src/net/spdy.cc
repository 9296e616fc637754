#include "net/spdy.h"

#include "async/spawn.h"
#include "net/detail/http1_parser.h"
#include "net/detail/spdy_session.h"

namespace sampan::net {
namespace {

using detail::SpdyCore;
using detail::SpdyStreamPtr;

class SpdyStreamImpl final : public SpdyStream {
 public:
  SpdyStreamImpl(std::shared_ptr<SpdyCore> core, SpdyStreamPtr state) : core_(std::move(core)), state_(std::move(state)) {}
  ~SpdyStreamImpl() override { core_->Reset(state_); }

  uint32_t id() const override { return state_->id; }
  const Headers& headers() const override { return state_->headers; }
  void Reset() override { core_->Reset(state_); }
  void Abort() override { core_->Reset(state_); }
  Task<Result<size_t>> Read(std::span<char> buffer) override { return core_->Read(state_, buffer); }
  Task<Result<void>> Write(std::string_view data) override { return core_->Write(state_, data); }
  Task<void> CloseWrite() override { return core_->EndWrite(state_); }

 private:
  std::shared_ptr<SpdyCore> core_;
  SpdyStreamPtr state_;
};

// Keeps the core alive while its reader runs, so that the session object may go first.
sampan::detail::Detached RunReader(std::shared_ptr<SpdyCore> core) {
  auto greeted = co_await core->Greet();
  if (!greeted) core->Abort();
  co_await core->ReadLoop();
}

class SpdySessionImpl final : public SpdySession {
 public:
  explicit SpdySessionImpl(std::shared_ptr<SpdyCore> core) : core_(std::move(core)) {}
  ~SpdySessionImpl() override { core_->Abort(); }

  Task<std::optional<std::unique_ptr<SpdyStream>>> Accept() override {
    auto state = co_await core_->Accept();
    if (!state) co_return std::nullopt;
    std::unique_ptr<SpdyStream> stream = std::make_unique<SpdyStreamImpl>(core_, *std::move(state));
    co_return std::optional(std::move(stream));
  }

  Task<Result<std::unique_ptr<SpdyStream>>> Open(Headers headers) override {
    CO_TRY(SpdyStreamPtr state, co_await core_->Open(std::move(headers)));
    std::unique_ptr<SpdyStream> stream = std::make_unique<SpdyStreamImpl>(core_, std::move(state));
    co_return stream;
  }

  Task<Result<void>> Ping() override { return core_->Ping(); }

  Task<void> Close() override {
    std::shared_ptr<SpdyCore> core = core_;
    co_await core->SendGoAway();
    core->Abort();
    co_await core->Ended();
  }

  CancelToken gone() const override { return core_->gone(); }

 private:
  std::shared_ptr<SpdyCore> core_;
};

}  // namespace

std::unique_ptr<SpdySession> NewSpdySession(Executor& executor, std::unique_ptr<Stream> stream, SpdySide side,
                                            SpdyOptions options) {
  auto core = std::make_shared<SpdyCore>(executor, std::move(stream), side, options);
  sampan::detail::Launch(executor, RunReader(core));
  return std::make_unique<SpdySessionImpl>(std::move(core));
}

bool IsSpdyUpgrade(const Request& request) {
  return request.version == HttpVersion::kHttp1 && detail::HasToken(request.headers.Get("connection"), "upgrade") &&
         detail::HasToken(request.headers.Get("upgrade"), "SPDY/3.1");
}

}  // namespace sampan::net
