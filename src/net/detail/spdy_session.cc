#include "net/detail/spdy_session.h"

#include "async/spawn.h"

namespace sampan::net::detail {
namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kDataFrameBytes = 32 * 1024;
// The session's own window is opened wide: the streams' windows and the socket bound what is buffered.
constexpr uint32_t kSessionWindow = 16 * 1024 * 1024;

// A coroutine nobody waits for; it keeps the core alive by itself.
sampan::detail::Detached Detach(std::shared_ptr<SpdyCore> core, Task<void> task) {
  co_await std::move(task);
}

void Notify(std::optional<Oneshot<bool>::Sender>& waiter, bool value) {
  if (auto sender = std::exchange(waiter, std::nullopt)) sender->Set(value);
}

}  // namespace

SpdyCore::SpdyCore(Executor& executor, std::unique_ptr<Stream> stream, SpdySide side, SpdyOptions options)
    : executor_(executor),
      stream_(std::move(stream)),
      side_(side),
      options_(options),
      accepted_(options.max_streams),
      reader_(options.max_frame_bytes, options.max_header_bytes),
      next_id_(side == SpdySide::kClient ? 1 : 2),
      next_ping_(next_id_) {}

Task<Result<void>> SpdyCore::Send(std::string frame) {
  WriteLock::Holder turn = co_await write_lock_.Acquire();
  auto written = co_await stream_->Write(frame);
  co_return written;
}

Task<void> SpdyCore::SendLater(std::string frame) {
  co_await Send(std::move(frame));
}

Task<Result<void>> SpdyCore::Greet() {
  std::string frames = EncodeSettings(static_cast<uint32_t>(options_.receive_window));
  frames += EncodeControl(SpdyType::kWindowUpdate, 0, kSessionWindow - kSpdyDefaultWindow);
  return Send(std::move(frames));
}

Task<void> SpdyCore::ReadLoop() {
  std::array<char, kReadBytes> buffer;
  bool healthy = true;
  while (healthy) {
    auto length = co_await stream_->Read(buffer);
    if (!length || *length == 0) break;
    reader_.Feed({buffer.data(), *length});
    SpdyFrame frame;
    ParseState state = reader_.Next(frame);
    while (state == ParseState::kDone && healthy) {
      healthy = co_await Handle(std::move(frame));
      if (healthy) state = reader_.Next(frame);
    }
    if (state == ParseState::kBad) {
      co_await Send(EncodeControl(SpdyType::kGoAway, last_peer_id_, kSpdyProtocolError));
      healthy = false;
    }
  }
  EndAll();
  stream_->Abort();
}

void SpdyCore::EndAll() {
  std::map<uint32_t, Oneshot<bool>::Sender> pings;
  {
    std::lock_guard lock(mutex_);
    over_ = true;
    pings.swap(pings_);
    for (auto& [id, stream] : streams_) Break(*stream);
    streams_.clear();
  }
  for (auto& [id, waiter] : pings) waiter.Set(false);
  accepted_.Close();
  gone_.Cancel();
  ended_.sender().Set(true);
}

Task<void> SpdyCore::Ended() {
  co_await ended_.Wait();
}

void SpdyCore::Break(SpdyStreamState& stream) {
  // What was received before a regular end is still there to read.
  if (!(stream.peer_ended && stream.we_ended)) stream.broken = true;
  Notify(stream.reader, true);
  Notify(stream.writer, true);
  Notify(stream.opener, false);
  Notify(stream.drained, true);
}

// False when the session is over.
Task<bool> SpdyCore::Handle(SpdyFrame frame) {
  switch (frame.type) {
    case SpdyType::kData:
      co_await OnData(std::move(frame));
      break;
    case SpdyType::kSynStream:
      co_await OnSynStream(std::move(frame));
      break;
    case SpdyType::kSynReply:
      OnSynReply(frame);
      break;
    case SpdyType::kRstStream:
      OnReset(frame);
      break;
    case SpdyType::kPing:
      co_await OnPing(std::move(frame));
      break;
    case SpdyType::kSettings:
      OnSettings(frame);
      break;
    case SpdyType::kWindowUpdate:
      OnWindowUpdate(frame);
      break;
    case SpdyType::kGoAway: {
      std::lock_guard lock(mutex_);
      going_away_ = true;
      break;
    }
    case SpdyType::kHeaders:
      break;  // nothing in exec, attach or port-forward adds headers later
  }
  std::lock_guard lock(mutex_);
  co_return !over_;
}

Task<void> SpdyCore::OnSynStream(SpdyFrame frame) {
  bool peer_is_odd = side_ == SpdySide::kServer;
  auto stream = std::make_shared<SpdyStreamState>();
  uint32_t refusal = 0;
  {
    std::lock_guard lock(mutex_);
    if ((frame.stream % 2 == 1) != peer_is_odd || frame.stream <= last_peer_id_) {
      refusal = kSpdyProtocolError;
    } else if (peer_streams_ >= options_.max_streams) {
      refusal = kSpdyRefusedStream;
    } else {
      ++peer_streams_;
      stream->id = frame.stream;
      stream->headers = std::move(frame.headers);
      stream->peer_ended = (frame.flags & kSpdyFin) != 0;
      stream->send_window = peer_initial_window_;
      streams_.emplace(stream->id, stream);
    }
    last_peer_id_ = std::max(last_peer_id_, frame.stream);
  }
  if (refusal != 0) {
    co_await Send(EncodeControl(SpdyType::kRstStream, frame.stream, refusal));
    co_return;
  }
  {
    WriteLock::Holder turn = co_await write_lock_.Acquire();
    std::string block = deflater_.Deflate({});
    co_await stream_->Write(EncodeHeaderFrame(SpdyType::kSynReply, stream->id, 0, block));
  }
  if (!accepted_.TryPush(stream)) Reset(stream);
}

// Waits for the reader while the stream holds a whole window: the socket then slows the peer down, window or not.
Task<void> SpdyCore::OnData(SpdyFrame frame) {
  SpdyStreamPtr stream = Find(frame.stream);
  std::optional<Oneshot<bool>> room;
  bool unknown = false;
  uint32_t session_credit = 0;
  {
    std::lock_guard lock(mutex_);
    session_unacknowledged_ += frame.data.size();
    if (peer_has_windows_ && session_unacknowledged_ >= kSessionWindow / 2) {
      session_credit = static_cast<uint32_t>(std::exchange(session_unacknowledged_, 0));
    }
    unknown = stream == nullptr || stream->peer_ended || stream->broken;
    if (!unknown) {
      stream->received += frame.data;
      if ((frame.flags & kSpdyFin) != 0) stream->peer_ended = true;
      Notify(stream->reader, true);
      if (stream->received.size() >= options_.receive_window && !stream->peer_ended) {
        room.emplace();
        stream->drained = room->sender();
      }
      ForgetIfDone(*stream);
    }
  }
  if (session_credit > 0) co_await Send(EncodeControl(SpdyType::kWindowUpdate, 0, session_credit));
  if (unknown && (frame.flags & kSpdyFin) == 0) {
    co_await Send(EncodeControl(SpdyType::kRstStream, frame.stream, kSpdyInvalidStream));
  }
  if (room) co_await room->Wait();
}

void SpdyCore::OnSynReply(const SpdyFrame& frame) {
  SpdyStreamPtr stream = Find(frame.stream);
  if (stream == nullptr) return;
  std::lock_guard lock(mutex_);
  if ((frame.flags & kSpdyFin) != 0) {
    stream->peer_ended = true;
    Notify(stream->reader, true);
    ForgetIfDone(*stream);
  }
  Notify(stream->opener, true);
}

void SpdyCore::OnReset(const SpdyFrame& frame) {
  SpdyStreamPtr stream = Find(frame.stream);
  if (stream == nullptr) return;
  std::lock_guard lock(mutex_);
  Break(*stream);
  stream->broken = true;
  ForgetIfDone(*stream);
}

void SpdyCore::OnSettings(const SpdyFrame& frame) {
  std::lock_guard lock(mutex_);
  if (!frame.initial_window) return;
  peer_has_windows_ = true;
  int64_t change = static_cast<int64_t>(*frame.initial_window) - peer_initial_window_;
  peer_initial_window_ = *frame.initial_window;
  for (auto& [id, stream] : streams_) {
    stream->send_window += change;
    if (stream->send_window > 0) Notify(stream->writer, true);
  }
}

void SpdyCore::OnWindowUpdate(const SpdyFrame& frame) {
  SpdyStreamPtr stream = Find(frame.stream);
  std::lock_guard lock(mutex_);
  peer_has_windows_ = true;
  if (stream == nullptr) return;  // the session's own window: the socket does its work
  stream->send_window = std::min<int64_t>(stream->send_window + (frame.value & 0x7fffffff), 0x7fffffff);
  if (stream->send_window > 0) Notify(stream->writer, true);
}

Task<void> SpdyCore::OnPing(SpdyFrame frame) {
  bool ours = (frame.stream % 2 == 1) == (side_ == SpdySide::kClient);
  if (!ours) {
    co_await Send(EncodeControl(SpdyType::kPing, frame.stream, 0));
    co_return;
  }
  std::lock_guard lock(mutex_);
  if (auto waiter = pings_.extract(frame.stream)) waiter.mapped().Set(true);
}

Task<Result<void>> SpdyCore::Ping() {
  Oneshot<bool> answered;
  uint32_t id = 0;
  {
    std::lock_guard lock(mutex_);
    if (over_) co_return Fail(Error::ServiceUnavailable("the SPDY session has ended"));
    id = std::exchange(next_ping_, next_ping_ + 2);
    pings_.emplace(id, answered.sender());
  }
  CO_TRY_VOID(co_await Send(EncodeControl(SpdyType::kPing, id, 0)));
  bool came = co_await answered.Wait();
  if (!came) co_return Fail(Error::ServiceUnavailable("the SPDY session has ended"));
  co_return Result<void>();
}

Task<void> SpdyCore::SendGoAway() {
  co_await Send(EncodeControl(SpdyType::kGoAway, last_peer_id_, 0));
  co_await stream_->CloseWrite();
}

Task<Result<SpdyStreamPtr>> SpdyCore::Open(Headers headers) {
  auto stream = std::make_shared<SpdyStreamState>();
  stream->headers = std::move(headers);
  Oneshot<bool> opened;
  {
    // Numbers must rise on the wire: the lock is held from picking one until its frame is written.
    WriteLock::Holder turn = co_await write_lock_.Acquire();
    {
      std::lock_guard lock(mutex_);
      if (over_ || going_away_) co_return Fail(Error::ServiceUnavailable("the SPDY session has ended"));
      stream->id = std::exchange(next_id_, next_id_ + 2);
      stream->send_window = peer_initial_window_;
      stream->opener = opened.sender();
      streams_.emplace(stream->id, stream);
    }
    std::string block = deflater_.Deflate(stream->headers);
    std::string frame = EncodeHeaderFrame(SpdyType::kSynStream, stream->id, 0, block);
    CO_TRY_VOID(co_await stream_->Write(frame));
  }
  bool accepted = co_await opened.Wait();
  if (!accepted) co_return Fail(Error::ServiceUnavailable("the peer refused the stream"));
  co_return stream;
}

Task<Result<size_t>> SpdyCore::Read(SpdyStreamPtr stream, std::span<char> buffer) {
  size_t length = 0;
  uint32_t credit = 0;
  while (length == 0) {
    Oneshot<bool> ready;
    {
      std::lock_guard lock(mutex_);
      length = std::min(buffer.size(), stream->received.size());
      if (length == 0 && stream->peer_ended) co_return size_t{0};
      if (length == 0 && stream->broken) co_return Fail(Error::ServiceUnavailable("the stream was reset"));
      if (length == 0) {
        stream->reader = ready.sender();
      } else {
        std::memcpy(buffer.data(), stream->received.data(), length);
        stream->received.erase(0, length);
        stream->unacknowledged += length;
        if (stream->received.size() < options_.receive_window) Notify(stream->drained, true);
        bool worth_telling = peer_has_windows_ && stream->unacknowledged >= options_.receive_window / 2 &&
                             !stream->peer_ended && !stream->broken;
        if (worth_telling) credit = static_cast<uint32_t>(std::exchange(stream->unacknowledged, 0));
      }
    }
    if (length == 0) co_await ready.Wait();
  }
  if (credit > 0) co_await Send(EncodeControl(SpdyType::kWindowUpdate, stream->id, credit));
  co_return length;
}

Task<Result<void>> SpdyCore::Write(SpdyStreamPtr stream, std::string_view data) {
  while (!data.empty()) {
    Oneshot<bool> open;
    size_t length = std::min(data.size(), kDataFrameBytes);
    {
      std::lock_guard lock(mutex_);
      if (stream->broken || stream->we_ended) co_return Fail(Error::ServiceUnavailable("the stream was reset"));
      if (peer_has_windows_) {
        length = static_cast<size_t>(std::clamp<int64_t>(stream->send_window, 0, static_cast<int64_t>(length)));
      }
      stream->send_window -= static_cast<int64_t>(length);
      if (length == 0) stream->writer = open.sender();
    }
    if (length == 0) {
      co_await open.Wait();
      continue;
    }
    std::string frame = EncodeDataHead(stream->id, 0, length);
    frame.append(data.substr(0, length));
    data.remove_prefix(length);
    CO_TRY_VOID(co_await Send(std::move(frame)));
  }
  co_return Result<void>();
}

Task<void> SpdyCore::EndWrite(SpdyStreamPtr stream) {
  {
    std::lock_guard lock(mutex_);
    if (stream->we_ended || stream->broken) co_return;
    stream->we_ended = true;
    ForgetIfDone(*stream);
  }
  co_await Send(EncodeDataHead(stream->id, kSpdyFin, 0));
}

void SpdyCore::Reset(const SpdyStreamPtr& stream) {
  {
    std::lock_guard lock(mutex_);
    bool done = stream->broken || (stream->peer_ended && stream->we_ended);
    Break(*stream);
    ForgetIfDone(*stream);
    if (done || over_) return;
  }
  sampan::detail::Launch(
      executor_, Detach(shared_from_this(), SendLater(EncodeControl(SpdyType::kRstStream, stream->id, kSpdyCancel))));
}

SpdyStreamPtr SpdyCore::Find(uint32_t id) {
  std::lock_guard lock(mutex_);
  auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second;
}

void SpdyCore::ForgetIfDone(SpdyStreamState& stream) {
  if (!stream.broken && !(stream.peer_ended && stream.we_ended)) return;
  bool peers = (stream.id % 2 == 1) == (side_ == SpdySide::kServer);
  if (streams_.erase(stream.id) > 0 && peers) --peer_streams_;
}

}  // namespace sampan::net::detail
