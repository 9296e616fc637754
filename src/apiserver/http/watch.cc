#include "apiserver/errors.h"
#include "apiserver/http/handlers.h"
#include "apiserver/http/watch_encoder.h"
#include "apiserver/http/watch_sink.h"
#include "apiserver/turn.h"
#include "async/contain.h"
#include "async/gate.h"
#include "async/spawn.h"
#include "base/saturate.h"
#include "net/websocket.h"

namespace sampan::apiserver {

namespace {

constexpr Duration kBookmarkInterval = std::chrono::minutes(1);
constexpr int64_t kMinDefaultSeconds = 30 * 60;

// The sink is shared by the loop of events and the loop of bookmarks, both on the connection's executor.
// Bookmarks are left out while events are on their way: those tell the client as much, and none may be told of before it is
// written.
struct WatchStreamState {
  HttpContext* context;
  WatchSink* sink;
  Watcher* watcher;
  WatchEncoder* encoder;
  std::string account;   // of heavy work
  bool pending = false;  // events have been taken and are not written yet
  bool writing = false;
  std::optional<Oneshot<bool>::Sender> waiting;  // the loop of events, for the end of a bookmark's write
};

Task<void> SendBookmarks(WatchStreamState* state, CancelToken stop) {
  store::Revision told = 0;
  while (co_await state->context->registry.clock().Sleep(kBookmarkInterval, stop)) {
    store::Revision now = state->watcher->Progress();
    if (state->writing || state->pending || now == told) continue;
    told = now;
    std::vector<net::Chunk> out;
    state->encoder->AppendBookmark(now, WatchEncoder::InitialEnd::kNo, state->context->registry.clock().Now(), out);
    state->writing = true;
    auto written = co_await state->sink->Write(std::move(out));
    state->writing = false;
    if (state->waiting) std::exchange(state->waiting, std::nullopt)->Set(true);
    if (!written) state->watcher->Stop();
  }
}

Task<bool> WriteChunks(WatchStreamState* state, std::vector<net::Chunk> out) {
  while (state->writing) {
    Oneshot<bool> done;
    state->waiting = done.sender();
    co_await done.Wait();
  }
  state->writing = true;
  auto written = co_await state->sink->Write(std::move(out));
  state->writing = false;
  co_return written.has_value();
}

Task<void> EncodeTask(WatchEncoder* encoder, const Change* change, WallTime now, std::vector<net::Chunk>* out) {
  encoder->Append(*change, now, *out);
  co_return;
}

Task<void> SendEvents(WatchStreamState* state) {
  Turn turn;
  while (true) {
    auto changes = co_await state->watcher->Next();
    std::vector<net::Chunk> out;
    if (!changes) {
      state->encoder->AppendError(changes.error(), out);
      co_await WriteChunks(state, std::move(out));
      co_return;
    }
    if (!*changes) co_return;
    state->pending = true;
    WallTime now = state->context->registry.clock().Now();
    for (const Change& change : **changes) {
      bool large = change.object != nullptr && change.object->bytes().size() > kHeavyBytes;
      if (large && state->encoder->Converts()) {
        Task<void> work = EncodeTask(state->encoder, &change, now, &out);
        co_await state->context->core.heavy.Run(state->account, std::move(work));
      } else {
        state->encoder->Append(change, now, out);
      }
      if (change.object != nullptr && turn.Spent(change.object->bytes().size())) co_await Yield();
    }
    if (!co_await WriteChunks(state, std::move(out))) co_return;
    state->pending = false;
  }
}

api::IncludeObject IncludeOf(const Query& query) {
  std::string_view include = query.Get("includeObject");
  if (include == "None") return api::IncludeObject::kNone;
  return include == "Object" ? api::IncludeObject::kObject : api::IncludeObject::kMetadata;
}

}  // namespace

Task<Answer> SendWatch(HttpContext* context, Exchange* exchange, Result<std::unique_ptr<Watcher>> opened) {
  CO_TRY(Negotiated form, NegotiateFor(*exchange));
  bool text = form.encoding == Encoding::kYaml || net::IsWebSocketUpgrade(exchange->request);
  if (text) form.encoding = Encoding::kJson;
  CO_TRY(std::optional<int64_t> seconds, IntegerParameter(exchange->query, "timeoutSeconds"));
  bool bookmarks = exchange->query.Flag("allowWatchBookmarks");
  WatchEncoder encoder(exchange->kind(), exchange->view(), {std::move(form), IncludeOf(exchange->query)});
  auto sink = co_await OpenWatchSink(exchange, encoder.ContentType());
  if (!sink) co_return std::optional<net::Response>();
  if (!opened) {
    std::vector<net::Chunk> out;
    encoder.AppendError(opened.error(), out);
    auto written = co_await (*sink)->Write(std::move(out));
    (void)written;  // the client is gone: there is nobody to tell
    co_await (*sink)->Finish();
    co_return std::optional<net::Response>();
  }

  // Watches that name no end get one of their own between half an hour and an hour, so that they spread over servers.
  int64_t limit = seconds.value_or(0);
  if (limit <= 0) limit = kMinDefaultSeconds + static_cast<int64_t>(context->registry.rng().Below(kMinDefaultSeconds));
  Watcher& watcher = **opened;
  Clock& clock = context->registry.clock();
  std::shared_ptr<store::Subscription> events = watcher.Stopper();
  Clock::TimerId timer = clock.After(SaturatedSeconds(limit), [events] { events->Stop(); });
  (*sink)->OnGone([events] { events->Stop(); });
  auto gone = exchange->request.gone.OnCancel([events] { events->Stop(); });

  WatchStreamState state{context, sink->get(), &watcher,    &encoder, HeavyWork::AccountOf(*exchange->asked),
                         false,   false,       std::nullopt};
  CancelSource stop;
  Gate gate;
  Executor& executor = co_await ThisExecutor();
  if (bookmarks) Spawn(executor, gate, SendBookmarks(&state, stop.token()));
  // A watch that breaks off ends as any watch does: its client goes on from what it has seen.
  co_await Contained("watch", SendEvents(&state));
  stop.Cancel();
  co_await gate.Close();
  clock.Cancel(timer);
  co_await (*sink)->Finish();
  co_return std::optional<net::Response>();
}

}  // namespace sampan::apiserver
