#include "store/engine/embedded/group.h"

#include <ranges>

namespace sampan::store::embedded {
namespace {

Result<void> CheckPrecondition(const WriteRequest& request, const Latest* latest) {
  const Revision wanted = request.precondition.mod_revision;
  if (latest == nullptr) {
    if (request.type == RecordType::kDeletion || wanted > 0) return Fail(Error::NotFound("key not found: {}", request.key));
    return {};
  }
  if (wanted == Precondition::kMustNotExist) return Fail(Error::AlreadyExists("key already exists: {}", request.key));
  if (wanted != Precondition::kAny && wanted != latest->mod) {
    return Fail(Error::Conflict("key {} is at revision {}, not {}", request.key, latest->mod, wanted));
  }
  return {};
}

}  // namespace

const Latest* Index::Find(std::string_view key) const {
  auto found = map_.find(key);
  return found == map_.end() ? nullptr : &found->second;
}

void Index::Set(std::string_view key, Latest latest) {
  if (auto found = map_.find(key); found != map_.end()) {
    found->second = latest;
  } else {
    map_.emplace(std::string(key), latest);
  }
}

void Index::Erase(std::string_view key) {
  if (auto found = map_.find(key); found != map_.end()) map_.erase(found);
}

Group StageGroup(std::vector<WriteRequest> requests, Index& index, Revision last) {
  Group group;
  group.outcomes.reserve(requests.size());
  group.writes.reserve(requests.size());
  group.undo.reserve(requests.size());
  for (WriteRequest& request : requests) {
    const Latest* found = index.Find(request.key);
    if (Result<void> allowed = CheckPrecondition(request, found); !allowed) {
      group.outcomes.emplace_back(Fail(std::move(allowed).error()));
      continue;
    }
    const Latest before = found == nullptr ? Latest{} : *found;
    const Revision revision = ++last;
    const Revision create = found == nullptr ? revision : before.create;
    if (request.type == RecordType::kValue) {
      index.Set(request.key, {revision, create});
    } else {
      index.Erase(request.key);
    }
    group.undo.push_back({request.key, before});
    group.outcomes.emplace_back(revision);
    group.writes.push_back({request.type, std::move(request.key), std::move(request.value), revision, create, before.mod});
  }
  return group;
}

void RollBack(const Group& group, Index& index) {
  for (const Group::Undo& undo : std::views::reverse(group.undo)) {
    if (undo.before.mod == 0) {
      index.Erase(undo.key);
    } else {
      index.Set(undo.key, undo.before);
    }
  }
}

void ApplyToIndex(const Event& event, Index& index) {
  if (event.type == Event::Type::kDelete) {
    index.Erase(event.kv.key);
  } else {
    index.Set(event.kv.key, {event.kv.mod_revision, event.kv.create_revision});
  }
}

std::vector<Event> EventsOf(const Group& group) {
  std::vector<Event> events;
  events.reserve(group.writes.size());
  for (const Write& write : group.writes) {
    Event& event = events.emplace_back();
    event.type = write.type == RecordType::kValue ? Event::Type::kPut : Event::Type::kDelete;
    event.kv = {write.key, write.value, write.create_revision, write.revision};
  }
  return events;
}

}  // namespace sampan::store::embedded
