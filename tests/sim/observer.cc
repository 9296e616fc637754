#include "sim/observer.h"

#include <fmt/format.h>

#include "async/clock.h"
#include "store/keys.h"

namespace sampan::sim {
namespace {

using client::WatchEvent;

std::string_view NameOf(WatchEvent::Type type) {
  switch (type) {
    case WatchEvent::Type::kAdded:
      return "ADDED";
    case WatchEvent::Type::kModified:
      return "MODIFIED";
    case WatchEvent::Type::kDeleted:
      return "DELETED";
    case WatchEvent::Type::kBookmark:
      break;
  }
  return "BOOKMARK";
}

WatchEvent::Type TypeOf(const History::Entry& entry) {
  if (entry.type == store::Event::Type::kDelete) return WatchEvent::Type::kDeleted;
  return entry.creation ? WatchEvent::Type::kAdded : WatchEvent::Type::kModified;
}

}  // namespace

Observer::Observer(client::Client& client, Clock& clock, const History& history, const api::KindInfo& kind)
    : client_(client),
      clock_(clock),
      history_(history),
      kind_(kind),
      prefix_(store::keys::ResourcePrefix(kind.group, kind.resource)) {}

void Observer::Complain(std::string what) {
  if (violations_.size() < 5) violations_.push_back(fmt::format("watch of {}: {}", kind_.resource, what));
}

Task<void> Observer::Run(CancelToken stop) {
  while (!stop.Requested()) {
    bool listed = revision_ != 0;
    if (!listed) listed = co_await List();
    if (listed) co_await Watch(stop);
    co_await clock_.Sleep(std::chrono::milliseconds(300), stop);
  }
}

Task<bool> Observer::List() {
  auto list = co_await client_.List({.kind = &kind_, .namespace_ = "", .name = "", .subresource = ""}, {});
  if (!list) co_return false;
  std::map<std::string, store::Revision> listed;
  for (const client::ObjectPtr& object : list->items) {
    listed[store::keys::ObjectKey(kind_.group, kind_.resource, object->namespace_(), object->name())] = object->revision();
  }
  if (listed != history_.StateAt(prefix_, list->revision)) {
    Complain(
        fmt::format("the list at {} has {} objects that are not those of that revision", list->revision, listed.size()));
  }
  revision_ = list->revision;
  Skip(revision_);
  co_return true;
}

void Observer::Skip(api::Revision up_to) {
  const auto& entries = history_.Of(prefix_);
  next_ = static_cast<size_t>(std::ranges::upper_bound(entries, up_to, {}, &History::Entry::revision) - entries.begin());
}

Task<void> Observer::Watch(CancelToken stop) {
  auto stream = co_await client_.Watch({.kind = &kind_, .namespace_ = "", .name = "", .subresource = ""},
                                       {.label_selector = "", .field_selector = "", .from = revision_});
  if (!stream) {
    if (stream.error().Is(Reason::kExpired) || stream.error().Is(Reason::kGone)) revision_ = 0;
    co_return;
  }
  auto subscription = stop.OnCancel([open = stream->get()] { open->Stop(); });
  while (!stop.Requested()) {
    auto events = co_await (*stream)->Next();
    if (!events && events.error().Is(Reason::kExpired)) revision_ = 0;
    if (!events || !*events) co_return;
    for (const WatchEvent& event : **events) Take(event);
  }
}

void Observer::Take(const WatchEvent& event) {
  const auto& entries = history_.Of(prefix_);
  if (event.type == WatchEvent::Type::kBookmark) {
    if (event.revision < revision_) Complain(fmt::format("a bookmark at {} after {}", event.revision, revision_));
    if (next_ < entries.size() && entries[next_].revision <= event.revision) {
      Complain(fmt::format("a bookmark at {} before the change at {}", event.revision, entries[next_].revision));
    }
    revision_ = std::max(revision_, event.revision);
    return;
  }
  if (event.revision <= revision_) {
    Complain(fmt::format("{} at {} after {}", NameOf(event.type), event.revision, revision_));
    return;
  }
  std::string key = store::keys::ObjectKey(kind_.group, kind_.resource, event.object->namespace_(), event.object->name());
  if (next_ >= entries.size()) {
    Complain(fmt::format("{} {} at {}, which never happened", NameOf(event.type), key, event.revision));
    return;
  }
  const History::Entry& entry = entries[next_++];
  if (entry.revision != event.revision || entry.key != key || TypeOf(entry) != event.type) {
    Complain(fmt::format("{} {} at {} where {} {} at {} comes next", NameOf(event.type), key, event.revision,
                         NameOf(TypeOf(entry)), entry.key, entry.revision));
    Skip(event.revision);
  }
  revision_ = event.revision;
}

void Observer::ExpectComplete() {
  const auto& entries = history_.Of(prefix_);
  if (revision_ != 0 && next_ < entries.size()) {
    Complain(fmt::format("{} changes were never told, the first at {}", entries.size() - next_, entries[next_].revision));
  }
}

}  // namespace sampan::sim
