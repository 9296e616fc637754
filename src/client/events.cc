#include "client/events.h"

#include <list>
#include <unordered_map>

#include "async/channel.h"
#include "async/spawn.h"
#include "base/contain.h"
#include "base/log.h"

namespace sampan::client {
namespace {

constexpr size_t kRememberedEvents = 4096;
constexpr Duration kSimilarWindow = std::chrono::minutes(10);
constexpr size_t kSimilarLimit = 10;
constexpr double kBurst = 25;
constexpr Duration kRefill = std::chrono::minutes(5);  // one more event a subject
constexpr size_t kParallelWrites = 64;
constexpr int kWriteAttempts = 5;
constexpr size_t kMaxMessage = 1024;  // what the API accepts

// Keeps the `capacity` entries used last.
template <class V>
class Lru {
 public:
  explicit Lru(size_t capacity) : capacity_(capacity) {}
  // The entry of the key, made when absent.
  V& operator[](const std::string& key) {
    auto found = places_.find(key);
    if (found != places_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->second;
    }
    if (entries_.size() >= capacity_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, V());
    places_[key] = entries_.begin();
    return entries_.front().second;
  }

 private:
  size_t capacity_;
  std::list<std::pair<std::string, V>> entries_;
  std::unordered_map<std::string, typename std::list<std::pair<std::string, V>>::iterator> places_;
};

struct Pending {
  EventSubject subject;
  EventType type = EventType::kNormal;
  std::string reason;
  std::string message;
  WallTime time{};
};

struct Similar {
  MonoTime last{};
  std::set<std::string> messages;
};
struct Budget {
  bool started = false;
  double tokens = kBurst;
  MonoTime last{};
};
struct Written {
  std::string name;
  int count = 0;
};

// One request to the server: the creation of an event, or the raised count of an earlier one.
struct Write {
  std::string key;
  std::string namespace_;
  std::string name;
  bool create = true;
  int count = 1;
  json::Object event;  // whole
};

// To what the API accepts, between two characters of UTF-8.
void Shorten(std::string& message) {
  if (message.size() <= kMaxMessage) return;
  size_t end = kMaxMessage;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
  message.resize(end);
}

std::string NamespaceOf(const EventSubject& subject) {
  return subject.namespace_.empty() ? "default" : subject.namespace_;
}

std::string SubjectKey(const EventSubject& subject) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", subject.kind, subject.namespace_, subject.name, subject.uid,
                     subject.api_version, subject.field_path);
}

json::Object SubjectJson(const EventSubject& subject) {
  json::Object out;
  auto set = [&out](std::string_view key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  set("kind", subject.kind);
  set("namespace", subject.namespace_);
  set("name", subject.name);
  set("uid", subject.uid);
  set("apiVersion", subject.api_version);
  set("resourceVersion", subject.resource_version);
  set("fieldPath", subject.field_path);
  return out;
}

}  // namespace

EventSubject EventSubject::Of(const api::Object& object, std::string field_path) {
  const api::ObjectHead& head = object.head();
  return EventSubject{head.api_version,     head.kind, head.namespace_, head.name, head.uid, std::to_string(head.revision),
                      std::move(field_path)};
}

struct EventRecorder::State {
  Client& client;
  Clock& clock;
  Rng& rng;
  EventOptions options;
  Channel<Pending> queue;

  // Touched by Run only.
  Lru<Similar> similar{kRememberedEvents};
  Lru<Budget> budgets{kRememberedEvents};
  Lru<Written> written{kRememberedEvents};

  bool Allowed(const std::string& subject_key);
  std::optional<Write> Plan(Pending event);
  Task<Result<void>> Send(Write write);
  Task<void> SendPatiently(Write write, CancelToken stop);
  Task<void> WriteFrom(std::optional<Pending> next, CancelToken stop);
};

// A token bucket a subject.
bool EventRecorder::State::Allowed(const std::string& subject_key) {
  Budget& budget = budgets[subject_key];
  MonoTime now = clock.Monotonic();
  if (budget.started) {
    double refilled = std::chrono::duration<double>(now - budget.last) / std::chrono::duration<double>(kRefill);
    budget.tokens = std::min(kBurst, budget.tokens + refilled);
  }
  budget.started = true;
  budget.last = now;
  if (budget.tokens < 1) return false;
  budget.tokens -= 1;
  return true;
}

// Decides between a new event, a raised count and silence.
std::optional<Write> EventRecorder::State::Plan(Pending event) {
  std::string subject_key = SubjectKey(event.subject);
  std::string group_key =
      fmt::format("{}\n{}\n{}", subject_key, event.type == EventType::kWarning ? "Warning" : "Normal", event.reason);
  Similar& group = similar[group_key];
  MonoTime now = clock.Monotonic();
  if (now - group.last > kSimilarWindow) group.messages.clear();
  group.last = now;
  std::string key;
  if (group.messages.contains(event.message) || group.messages.size() < kSimilarLimit) {
    group.messages.insert(event.message);
    key = fmt::format("{}\n{}", group_key, event.message);
  } else {
    event.message.insert(0, "(combined from similar events): ");
    key = group_key;
  }
  if (!Allowed(subject_key)) return std::nullopt;
  Shorten(event.message);

  Written& known = written[key];
  Write write;
  write.create = known.count == 0;
  if (write.create) {
    auto since_epoch = static_cast<uint64_t>(event.time.time_since_epoch().count());
    known.name = fmt::format("{}.{:x}", event.subject.name, since_epoch ^ (rng.Next() & 0xffffff));
  }
  write.count = ++known.count;
  write.key = std::move(key);
  write.namespace_ = NamespaceOf(event.subject);
  write.name = known.name;
  std::string time = FormatTime(event.time);
  json::Object source{{"component", options.component}};
  if (!options.host.empty()) source["host"] = options.host;
  write.event = json::Object{
      {"kind", "Event"},
      {"apiVersion", "v1"},
      {"metadata", {{"name", write.name}, {"namespace", write.namespace_}}},
      {"involvedObject", SubjectJson(event.subject)},
      {"reason", event.reason},
      {"message", event.message},
      {"source", std::move(source)},
      {"firstTimestamp", time},
      {"lastTimestamp", time},
      {"count", write.count},
      {"type", event.type == EventType::kWarning ? "Warning" : "Normal"},
      {"eventTime", nullptr},
      {"reportingComponent", options.component},
      {"reportingInstance", options.host},
  };
  return write;
}

Task<Result<void>> EventRecorder::State::Send(Write write) {
  Ref ref{api::FindKind("v1", "Event"), write.namespace_, write.name, ""};
  if (!write.create) {
    json::Object patch{
        {"count", write.count}, {"message", write.event["message"]}, {"lastTimestamp", write.event["lastTimestamp"]}};
    Result<ObjectPtr> patched = co_await client.Patch(ref, std::move(patch), {.type = PatchType::kMerge});
    // Expired meanwhile: starts over as a new event.
    if (patched || !patched.error().Is(Reason::kNotFound)) {
      if (!patched) co_return Fail(std::move(patched).error());
      co_return Result<void>();
    }
  }
  ref.name.clear();
  CO_TRY_VOID(co_await client.Create(std::move(ref), std::move(write.event)));
  co_return Result<void>();
}

Task<void> EventRecorder::State::SendPatiently(Write write, CancelToken stop) {
  Duration backoff = std::chrono::seconds(1);
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    Result<void> sent = co_await Send(write);
    if (sent) co_return;
    // Only an unreachable or overloaded server is worth another try: an event that was refused will be refused again.
    bool again = sent.error().Is(Reason::kServiceUnavailable) || sent.error().Is(Reason::kTooManyRequests) ||
                 sent.error().Is(Reason::kServerTimeout) || sent.error().Is(Reason::kTimeout);
    if (!again) {
      LOG_DEBUG("events", "event {}/{} was refused: {}", write.namespace_, write.name, sent.error());
      co_return;
    }
    bool waited = co_await clock.Sleep(backoff, stop);
    if (!waited) co_return;
    backoff *= 2;
  }
}

// Writes `next` and what waits behind it, as many at once as make sense.
Task<void> EventRecorder::State::WriteFrom(std::optional<Pending> next, CancelToken stop) {
  std::vector<Task<void>> writes;
  std::set<std::string> keys;
  std::optional<Write> held;  // follows another write of the same event, so it must wait for that one
  while (next && !held) {
    std::optional<Write> write = Plan(std::move(*next));
    next.reset();
    if (write && !keys.insert(write->key).second) {
      held = std::move(write);
    } else if (write) {
      writes.push_back(SendPatiently(std::move(*write), stop));
    }
    if (!held && writes.size() < kParallelWrites) next = queue.TryPop();
  }
  co_await WhenAll(std::move(writes));
  if (held) co_await SendPatiently(std::move(*held), stop);
}

EventRecorder::EventRecorder(Client& client, Clock& clock, Rng& rng, EventOptions options)
    : state_(new State{client, clock, rng, options, Channel<Pending>(options.queue_capacity)}) {}
EventRecorder::~EventRecorder() = default;

void EventRecorder::Record(const EventSubject& subject, EventType type, std::string_view reason, std::string message) {
  // An event is never worth the work that it tells of.
  Contain("event", [&] {
    Shorten(message);  // before it waits: a thousand may
    state_->queue.TryPush(Pending{subject, type, std::string(reason), std::move(message), state_->clock.Now()});
  });
}

Task<void> EventRecorder::Run(CancelToken stop) {
  CancelToken::Subscription on_stop = stop.OnCancel([state = state_.get()] { state->queue.Close(); });
  while (true) {
    std::optional<Pending> next = co_await state_->queue.Pop();
    if (!next) co_return;
    try {
      co_await state_->WriteFrom(std::move(*next), stop);
    } catch (...) {
      (void)ReportEscape("event");
    }
  }
}

}  // namespace sampan::client
